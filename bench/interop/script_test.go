package interop

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// result is one line of what a client's script prints: a scenario, and its error if it
// failed.
type result struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// runScenarios runs a client's script, each of its scenarios as a test.
func runScenarios(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); ran++ {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Errorf("%q: %v", lines.Bytes(), err)
		}
		t.Run(r.Name, func(t *testing.T) {
			if r.Error != "" {
				t.Error(r.Error)
			}
		})
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v", cmd.Args, err)
	}
	if ran == 0 {
		t.Errorf("%v ran no scenario", cmd.Args)
	}
}

// sawCloses looks for the server's side of the two closing handshakes of every script, which
// has checked its own. The server may see an end a little later.
func sawCloses(t *testing.T, echo, commands *running) {
	t.Helper()
	found := map[conn.Side]bool{}
	var seen []conn.CloseInfo
	for late := time.After(patience); !found[conn.Peer] || !found[conn.Local]; {
		select {
		case info := <-echo.closes:
			seen = append(seen, info)
			found[conn.Peer] = found[conn.Peer] || info.By == conn.Peer && info.Received == 4001 && info.Reason == "from the client" && info.Clean()
		case info := <-commands.closes:
			seen = append(seen, info)
			found[conn.Local] = found[conn.Local] || info.By == conn.Local && info.Sent == 4002 && info.Reason == "from the server" && info.Clean()
		case <-late:
			t.Fatalf("not among the ends that the server saw: %v\n%v", found, seen)
		}
	}
}
