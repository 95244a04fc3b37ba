//go:build race

package frame

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// The race detector does not see what assembly reads. A program that races with it must be
// told so all the same, so this test runs itself as such a program.
func TestText_RacesInAssemblyAreSeen(t *testing.T) {
	b := []byte(strings.Repeat("é", 500))
	racing := map[string]func(){
		"ValidText": func() { ValidText(b) },
		"accept":    func() { new(TextCheck).Accept(b, false) },
	}
	const variable = "FRAME_RACE"
	if name := os.Getenv(variable); name != "" {
		var others sync.WaitGroup
		others.Go(racing[name])
		copy(b[500:502], "é")
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
