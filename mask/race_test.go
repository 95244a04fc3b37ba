//go:build race

package mask

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// The race detector does not see what assembly does. A program that races by it must be
// told so all the same, so this test runs itself as such a program.
func TestRacesInAssemblyAreSeen(t *testing.T) {
	a, b := make([]byte, 1000), make([]byte, 1000)
	racing := map[string]func(){
		"XOR":      func() { XOR(a, 1) },
		"XORASCII": func() { XORASCII(a, 1) },
		"Copy to":  func() { Copy(a, make([]byte, 1000), 1) },
		"Copy of":  func() { Copy(make([]byte, 1000), a, 1) },
	}
	const variable = "MASK_RACE"
	if name := os.Getenv(variable); name != "" {
		var others sync.WaitGroup
		others.Go(racing[name])
		copy(a[500:501], b)
		others.Wait()
		return
	}
	for name := range racing {
		t.Run(name, func(t *testing.T) {
			child := exec.Command(os.Args[0], "-test.run=^"+t.Name()[:strings.Index(t.Name(), "/")]+"$")
			child.Env = append(os.Environ(), variable+"="+name)
			out, err := child.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "DATA RACE") {
				t.Errorf("no race was seen: %v\n%s", err, out)
			}
		})
	}
}
