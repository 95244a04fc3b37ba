package interop

import (
	"os"
	"os/exec"
	"testing"

	"github.com/framerail/framerail/internal/test/missing"
	"github.com/framerail/framerail/server"
)

// TestPython runs the scenarios of client.py, which prints a line for each.
func TestPython(t *testing.T) {
	python := needPython(t)
	eachAndTLS(t, func(t *testing.T, m mode) {
		echo, commands := startEcho(t, m), startCommands(t, m)
		compressing, _ := startSqueezing(t, m, server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}, 0)
		cmd := exec.CommandContext(t.Context(), python, "testdata/python-websockets/client.py",
			echo.url(), commands.url(), compressing.url(), certificateFile(t))
		cmd.Env = append(os.Environ(), "NO_PROXY=*") // newer versions look for one
		runScenarios(t, cmd)
		sawCloses(t, echo, commands)
	})
}

// needPython is the path of a Python that has websockets, such as Debian's with the package
// python3-websockets, which may not be the first in the PATH.
func needPython(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import websockets").Run() == nil {
			return python
		}
	}
	missing.End(t, "no Python with websockets on this machine: install the package python3-websockets")
	return ""
}
