package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// ready asks the health check, over a connection that is kept.
func ready(t *testing.T, url string) int {
	t.Helper()
	r, err := http.Get("http" + strings.TrimPrefix(url, "ws") + "ready")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	_, _ = io.Copy(io.Discard, r.Body)
	return r.StatusCode
}

// The health check fails while clients are still there, and are still accepted.
func TestLeaving_ReadinessFailsBeforeClientsLeave(t *testing.T) {
	p := exampletest.Start(t, "-notice=1h")
	before := exampletest.Dial(t, p.URL, nil)
	if got := ready(t, p.URL); got != http.StatusOK {
		t.Fatalf("the health check answers %d", got)
	}
	p.Signal(t)
	deadline := time.Now().Add(exampletest.Patience)
	for ready(t, p.URL) != http.StatusServiceUnavailable {
		if time.Now().After(deadline) {
			t.Fatal("the health check does not fail")
		}
	}
	for _, c := range []*websocket.Conn{before, exampletest.Dial(t, p.URL, nil)} {
		exampletest.Say(t, c, "still here")
		exampletest.Expect(t, c, "still here")
	}
}

// Each client leaves with 1012.
func TestLeaving_AllLeaveWithinTheWindow(t *testing.T) {
	p := exampletest.Start(t, "-window=1s")
	var all []*websocket.Conn
	for range 20 {
		all = append(all, exampletest.Dial(t, p.URL, nil))
	}
	p.Signal(t)
	for _, c := range all {
		exampletest.ExpectClose(t, c, websocket.StatusServiceRestart)
	}
	if log := p.End(t); !strings.Contains(log, "20 clients left, 0 were cut, 0 bytes lost") {
		t.Errorf("the log says\n%s", log)
	}
}

// find is the number in a file that an expression finds.
func find(t *testing.T, text, expression string) int {
	t.Helper()
	m := regexp.MustCompile(expression).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("nothing matches %s", expression)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// lastAnswers is the time that main gives clients behind the window, in seconds.
const lastAnswers = 10

// Kubernetes and systemd kill a process that takes longer than they allow.
func TestLeaving_TheTimesFit(t *testing.T) {
	k8s := read(t, "deployment.yaml")
	if need, have := find(t, k8s, `sleep: {seconds: (\d+)}`)+find(t, k8s, `-window=(\d+)s`)+lastAnswers, find(t, k8s, `terminationGracePeriodSeconds: (\d+)`); have < need {
		t.Errorf("Kubernetes kills after %d s, but %d are needed", have, need)
	}
	unit := read(t, "leaving.service")
	notice := find(t, unit, `-notice=(\d+)s`)
	if need, have := notice+find(t, unit, `-window=(\d+)s`)+lastAnswers, find(t, unit, `TimeoutStopSec=(\d+)`); have < need {
		t.Errorf("systemd kills after %d s, but %d are needed", have, need)
	}
}

// systemd itself reads the unit, where there is one.
func TestLeaving_SystemdAcceptsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze")
	}
	// The binary must be there: take one that is.
	unit := t.TempDir() + "/leaving.service"
	text := strings.Replace(read(t, "leaving.service"), "/usr/local/bin/leaving", "/bin/true", 1)
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(exampletest.Within(t), analyze, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), unit) {
		t.Errorf("%v\n%s", err, out)
	}
}
