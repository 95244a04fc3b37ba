package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestLoadChecksEveryEcho(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "report.json")
	status, stdout, stderr := finish(t, "load", p.url, "-c", "5", "--messages", "300", "-d", "30s", "--size", "uniform:20-3KiB",
		"--pid", strconv.Itoa(p.cmd.Process.Pid), "--source", "127.0.0.1,127.0.0.2", "--patience", "30s", "--json", file)
	if status != 0 || !strings.Contains(stdout, "300 sent, 300 received") || !strings.Contains(stdout, "server ") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	var report struct {
		Counts  struct{ Answered int64 }
		Latency struct{ Count int64 }
		Server  struct {
			RSS int64 `json:"rss_bytes"`
		}
		Failed []string
	}
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &report)
	}
	if err != nil || report.Counts.Answered != 300 || report.Latency.Count != 300 || report.Server.RSS == 0 || report.Failed == nil {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestLoadExitsWithOneOutOfBounds(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0", "--max-message", "1KiB")
	args := []string{"load", p.url, "-c", "2", "--messages", "20", "-d", "30s", "-q"}
	status, stdout, stderr := finish(t, append(args, "--json", "-", "--fail-if", "p50>1h", "--fail-if", "max>0s")...)
	if status != exitFailed || !strings.HasSuffix(stderr, "out of bounds: max>0s\n") || !json.Valid([]byte(stdout)) {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	status, stdout, stderr = finish(t, append(args, "--size", "2000")...) // which it refuses
	if status != exitFailed || !strings.Contains(stdout, "the server closed with 1009") || !strings.Contains(stderr, "errors>0") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}

func TestLoadOverTLS(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0", "--tls-self-signed")
	args := []string{"load", p.url, "-c", "3", "--messages", "30", "-d", "30s", "--deflate", "takeover", "--size", "600", "-q"}
	if status, stdout, stderr := finish(t, append(args, "--insecure")...); status != 0 || stderr != "" {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	if status, _, stderr := finish(t, args...); status != exitUsage || !strings.Contains(stderr, "certificate") || !strings.Contains(stderr, "--insecure takes any") {
		t.Errorf("a certificate that nobody has signed: status %d\n%s", status, stderr)
	}
	if status, _, stderr := finish(t, append(args, "--ca", os.DevNull)...); status != exitUsage || !strings.Contains(stderr, "has no certificate") {
		t.Errorf("no certificates: status %d\n%s", status, stderr)
	}
}

// A signal ends the run, with its report.
func TestLoadInterrupted(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0")
	cmd := command("load", p.url, "-c", "3", "-d", "1h")
	var out journal
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 1)
	if _, err := stderr.Read(line); err != nil { // an interval is over
		t.Error(err)
	}
	go func() {
		for b := make([]byte, 1024); ; {
			if _, err := stderr.Read(b); err != nil {
				return
			}
		}
	}()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "interrupted") || !strings.Contains(out.String(), "latency") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestLoadRefusesWhatCannotBe(t *testing.T) {
	const url = "ws://127.0.0.1:1/"
	for _, args := range [][]string{
		{}, {"http://127.0.0.1/"}, {"nonsense"}, {url},
		{url, "-c", "0"}, {url, "--loops", "0"}, {url, "--rate", "-1"}, {url, "-d", "0s"}, {url, "--size", "huge"}, {url, "--size", "pareto:1,2"},
		{url, "--fail-if", "speed>1"}, {url, "--template", "x"}, {url, "--template", "{}", "--binary"}, {url, "--mode", "fanout"},
		{url, "--header", "x"}, {url, "--insecure", "--ca", "x"}, {url, "--ca", "/nonexistent/x"}, {url, "--json", "/nonexistent/x"},
		{url, "--csv", "-"}, {url, "--hello", "x"}, {url, "--source", "here"}, {url, "--pid", "999999999"},
	} {
		status, stdout, stderr := finish(t, append([]string{"load", "-q"}, args...)...)
		if status != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "framerail: ") {
			t.Errorf("%q: status %d\n%s%s", args, status, stdout, stderr)
		}
	}
}
