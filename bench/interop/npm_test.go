package interop

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// npmFolder has the client script, and package.json with the version of ws.
const npmFolder = "testdata/npm-ws"

// TestNPM runs the scenarios of client.js, which prints a line for each.
func TestNPM(t *testing.T) {
	needNPM(t)
	each(t, func(t *testing.T, m mode) {
		echo, commands := startEcho(t, m), startCommands(t, m)
		// The client is asked for a window that is not its own default.
		compressing, _ := startSqueezing(t, m, server.Deflate{Enabled: true, Threshold: -1, ServerTakeover: true, ClientTakeover: true, ClientWindowBits: 14})
		for _, r := range scenarios(t, echo.url(), commands.url(), compressing.url()) {
			t.Run(r.Name, func(t *testing.T) {
				if r.Error != "" {
					t.Error(r.Error)
				}
			})
		}
		// The script has checked its side of both closing handshakes.
		found := map[conn.Side]bool{}
		for range len(echo.closes) {
			info := <-echo.closes
			found[conn.Peer] = found[conn.Peer] || info.By == conn.Peer && info.Received == 4001 && info.Reason == "from the client" && info.Clean()
		}
		for range len(commands.closes) {
			info := <-commands.closes
			found[conn.Local] = found[conn.Local] || info.By == conn.Local && info.Sent == 4002 && info.Reason == "from the server" && info.Clean()
		}
		if !found[conn.Peer] || !found[conn.Local] {
			t.Errorf("closing handshakes that the server saw: %v", found)
		}
	})
}

// result is one line of the script's output.
type result struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

func scenarios(t *testing.T, urls ...string) []result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"client.js"}, urls...)...)
	cmd.Dir = npmFolder
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var results []result
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Errorf("%q: %v", lines.Bytes(), err)
		}
		results = append(results, r)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("client.js: %v", err)
	}
	if len(results) == 0 {
		t.Error("client.js ran no scenario")
	}
	return results
}

// needNPM installs what client.js needs, or skips the test where that cannot be
// done. Under CI, where it must be possible, it fails instead.
func needNPM(t *testing.T) {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("node is needed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(npmFolder, "node_modules", "ws", "package.json")); err == nil {
		return
	}
	if _, err := exec.LookPath("npm"); err != nil {
		missing("npm is needed to install ws: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = npmFolder
	if output, err := cmd.CombinedOutput(); err != nil {
		missing("npm ci: %v\n%s", err, output)
	}
}
