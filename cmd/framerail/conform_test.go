package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestConformExitsWithZeroIfAllPass(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "report.json")
	status, stdout, stderr := finish(t, "conform", "--cases", "1.1.1,5.*", "--exclude", "5.1*", "--patience", "30s", "--json", file, p.url)
	if status != 0 || !strings.Contains(stdout, "10 of 10 cases passed") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	var report struct{ Cases []struct{ ID string } }
	if b, err := os.ReadFile(file); err != nil || json.Unmarshal(b, &report) != nil || len(report.Cases) != 10 {
		t.Errorf("the report has %d cases (%v)", len(report.Cases), err)
	}
}

func TestConformOverTLS(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0", "--tls-self-signed")
	if !strings.HasPrefix(p.url, "wss://") {
		t.Fatalf("the URL is %s", p.url)
	}
	args := []string{"conform", "--cases", "1.1.*,2.*,3.*,7.1.*", "--patience", "30s", p.url}
	if status, stdout, stderr := finish(t, append(args, "--insecure")...); status != 0 || !strings.Contains(stdout, "cases passed") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	if status, _, stderr := finish(t, args...); status != exitUsage || !strings.Contains(stderr, "certificate") {
		t.Errorf("a certificate that nobody has signed: status %d\n%s", status, stderr)
	}
}

// An echo server with a limit of 1 MiB does not pass the cases with longer messages.
func TestConformExitsWithOneIfACaseFails(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0", "--max-message", "1MiB")
	status, stdout, stderr := finish(t, "conform", "--cases", "9.1.3,9.1.4", "--patience", "30s", p.url)
	if status != exitFailed || stderr != "" || !strings.Contains(stdout, "9.1.4") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}

func TestConformExitsWithTwoIfThereIsNothingToTest(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	url := "ws://" + closed.Addr().String() + "/"
	for _, args := range [][]string{
		{url}, {"http://127.0.0.1/"}, {"nonsense"}, {},
		{"--cases", "99.*", url}, {"--cases", "[", url}, {"--cases", "1.*", "--exclude", "1.*", url},
		{"--serve", "127.0.0.1:0", url}, {"--serve", "nonsense"}, {"--serve", "127.0.0.1:0", "--cases", "attack.*"}, {"--messages", "0", url},
		{"--parallel", "0", url}, {"--patience", "0s", url}, {"--json", "/nonexistent/x", url},
	} {
		status, stdout, stderr := finish(t, append([]string{"conform"}, args...)...)
		if status != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "framerail: ") {
			t.Errorf("%q: status %d\n%s%s", args, status, stdout, stderr)
		}
	}
}

func TestConformListsCases(t *testing.T) {
	status, stdout, _ := finish(t, "conform", "--list", "--cases", "2.5", "ws://127.0.0.1:1/")
	if want := "2.5                A ping too long\n"; status != 0 || stdout != want {
		t.Errorf("status %d, %q, want %q", status, stdout, want)
	}
}

// A client asks for the cases one by one, and for its report.
func TestConformTestsClients(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	p := start(t, "conform", "--serve", "127.0.0.1:0", "--cases", "1.1.2", "--json", file)
	talk := func(path string, change byte) {
		c, _, err := websocket.Dial(t.Context(), p.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		for {
			kind, message, err := c.Read(t.Context())
			if err != nil {
				return
			}
			message[0] ^= change
			if c.Write(t.Context(), kind, message) != nil {
				return
			}
		}
	}
	talk("/runCase?case=1&agent=right%1b[2J", 0)
	talk("/updateReports?agent=right%1b[2J", 0)
	talk("/runCase?case=1&agent=wrong", 1)
	talk("/updateReports?agent=wrong", 0)
	p.signal(t, os.Interrupt)
	out := p.wait(t)
	if !strings.Contains(out, `client "right\x1b[2J"`) || !strings.Contains(out, "1 of 1 cases passed") ||
		!strings.Contains(out, `client "wrong"`) || !strings.Contains(out, "0 of 1 cases passed") {
		t.Errorf("it says\n%s", out)
	}
	if status := p.cmd.ProcessState.ExitCode(); status != exitFailed {
		t.Errorf("status %d, want %d", status, exitFailed)
	}
	if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), `"agent": "wrong"`) {
		t.Errorf("the file does not have the last client's report: %v", err)
	}
}

// What is interrupted shows what was played until then, and says so.
func TestConformInterrupted(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0", "--deflate", "takeover", "--metrics", "127.0.0.1:0")
	metrics := p.metricsURL(t) + "/metrics"
	file := filepath.Join(t.TempDir(), "report.json")
	cmd := command("conform", "--cases", "1.1.1,12.1.*", "--parallel", "1", "--json", file, p.url)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Any time will do from when it has connected: all of it is hundreds of megabytes.
	connected := regexp.MustCompile(`\nframerail_connections_opened_total [1-9]`)
	for ctx := within(t); ctx.Err() == nil && !connected.MatchString(get(t, metrics)); {
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != exitFailed && status != exitUsage || strings.Contains(out.String(), "\nFAILED  ") {
		t.Errorf("status %d\n%s%s", status, &out, &errs)
	}
	if !strings.Contains(errs.String(), "interrupted") && !strings.Contains(errs.String(), "cancel") {
		t.Errorf("it does not say that it was interrupted:\n%s%s", &out, &errs)
	}
}
