package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/framerail/framerail/internal/test/missing"
	"github.com/framerail/framerail/server"
)

// npmFolder has the client script, and package.json with the version of ws.
const npmFolder = "testdata/npm-ws"

// TestNPM runs the scenarios of client.js, which prints a line for each.
func TestNPM(t *testing.T) {
	needNPM(t)
	eachAndTLS(t, func(t *testing.T, m mode) {
		echo, commands := startEcho(t, m), startCommands(t, m)
		// The client is asked for a window that is not its own default.
		compressing, _ := startSqueezing(t, m, server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true, ClientWindowBits: 14}, 0)
		cmd := exec.CommandContext(t.Context(), "node", "client.js", echo.url(), commands.url(), compressing.url())
		cmd.Dir = npmFolder
		cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+certificateFile(t))
		runScenarios(t, cmd)
		sawCloses(t, echo, commands)
	})
}

// needNPM installs what client.js needs, or skips the test where that cannot be
// done. Under CI, where it must be possible, it fails instead.
func needNPM(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		missing.End(t, "node is needed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(npmFolder, "node_modules", "ws", "package.json")); err == nil {
		return
	}
	if _, err := exec.LookPath("npm"); err != nil {
		missing.End(t, "npm is needed to install ws: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = npmFolder
	if output, err := cmd.CombinedOutput(); err != nil {
		missing.End(t, "npm ci: %v\n%s", err, output)
	}
}
