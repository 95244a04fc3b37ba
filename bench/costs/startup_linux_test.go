package costs

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"
)

var resident = regexp.MustCompile(`VmRSS:\s+([0-9]+) kB`)

// TestMemoryOfEchoAtStart is what the system says that "framerail echo" has in memory once it listens. How
// many pages of the program's file come in with each that is touched is up to the system.
func TestMemoryOfEchoAtStart(t *testing.T) {
	bar := bar{7_000, 5_000} // kB
	cmd := exec.CommandContext(t.Context(), buildProgram(t, "cmd/framerail"), "echo", "--addr", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	var got float64
	for i := range 10 { // the least: the runtime's own work is a passing one
		time.Sleep(20 * time.Millisecond)
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseFloat(string(resident.FindSubmatch(status)[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 || n < got {
			got = n
		}
	}
	t.Logf("%.0f kB", got)
	if got > bar.most+bar.tolerance {
		t.Errorf("%.0f kB, at most %.0f and %.0f", got, bar.most, bar.tolerance)
	}
}
