package interop

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/missing"
	"github.com/framerail/framerail/server"
)

// startSpeaking runs a server that sends each client a message, and then closes the connection.
func startSpeaking(t *testing.T, m mode) *running {
	t.Helper()
	return startEcho(t, m, func(s *server.Server) {
		s.OnConnection = func(c *conn.Conn) {
			if err := c.SendText("hello curl"); err != nil {
				t.Error(err)
			}
			if err := c.Close(frame.NormalClosure, "that is all"); err != nil {
				t.Error(err)
			}
		}
	})
}

// curl is the command with what every use of it has. It ends with the test at the latest.
func curl(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		missing.End(t, "curl is needed: %v", err)
	}
	args = append([]string{"--silent", "--show-error", "--no-buffer", "--noproxy", "*", "--max-time", "60", "--cacert", certificateFile(t)}, args...)
	return exec.CommandContext(t.Context(), "curl", args...)
}

// httpURL is the server's for those who speak no WebSocket.
func (r *running) httpURL() string { return "http" + strings.TrimPrefix(r.url(), "ws") }

// Every curl can make the handshake by hand, and shows the frames as they come.
func TestCurlUpgradesByHand(t *testing.T) {
	eachAndTLS(t, func(t *testing.T, m mode) {
		r := startSpeaking(t, m)
		cmd := curl(t, "--http1.1", "--include", "--header", "Connection: Upgrade", "--header", "Upgrade: websocket",
			"--header", "Sec-WebSocket-Version: 13", "--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", r.httpURL())
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = cmd.Process.Kill() // it waits for more
			_ = cmd.Wait()
		}()
		if err := wire.ReadResponse(stdout); err != nil {
			t.Fatal(err)
		}
		if _, opcode, payload, err := wire.ReadFrame(stdout); err != nil || opcode != wire.Text || string(payload) != "hello curl" {
			t.Errorf("opcode %d, %q, %v", opcode, payload, err)
		}
		if _, opcode, payload, err := wire.ReadFrame(stdout); err != nil || opcode != wire.Close || closeError(payload).code() != 1000 {
			t.Errorf("opcode %d, %q, %v", opcode, payload, err)
		}
	})
}

// Some builds of curl speak WebSocket themselves.
func TestCurlSpeaksWebSocket(t *testing.T) {
	version, err := curl(t, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(version, []byte(" wss")) {
		t.Skipf("this curl has no WebSocket: %s", bytes.SplitN(version, []byte(" ("), 2)[0])
	}
	eachAndTLS(t, func(t *testing.T, m mode) {
		// What it makes of the Close differs from version to version.
		got, err := curl(t, "--http1.1", startSpeaking(t, m).url()).Output()
		if !bytes.HasPrefix(got, []byte("hello curl")) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// Left to itself curl offers HTTP/2 over TLS; what it gets to see is HTTP/1.1's refusal.
func TestCurlWithoutUpgradeIsAnswered(t *testing.T) {
	eachAndTLS(t, func(t *testing.T, m mode) {
		r := startSpeaking(t, m)
		got, err := curl(t, "--output", "/dev/null", "--write-out", "%{http_version} %{http_code}", r.httpURL()).Output()
		if want := "1.1 426"; err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	})
}
