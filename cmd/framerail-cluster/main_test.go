package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests; none measures time.
const patience = 60 * time.Second

// asProgram in the environment makes the test binary the program itself.
const asProgram = "FRAMERAIL_CLUSTER_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(3) // the test is gone, without having ended the program
		}()
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a program that runs.
type process struct {
	cmd  *exec.Cmd
	out  *bufio.Reader
	logs bytes.Buffer
	url  string
}

// launch starts "framerail-cluster args...", until the test ends it or ends. wait waits until it serves.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], append([]string{"--addr=127.0.0.1:0"}, args...)...)}
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=0")
	p.cmd.Stderr = &p.logs
	if _, err := p.cmd.StdinPipe(); err != nil { // closed with the test binary, at the latest
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("log of framerail-cluster %s:\n%s", strings.Join(args, " "), p.logs.String())
		}
	})
	return p
}

func (p *process) wait(t *testing.T) *process {
	t.Helper()
	defer time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() }).Stop()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("it has not said where it listens: %v", err)
	}
	p.url = strings.TrimSpace(strings.TrimPrefix(line, "framerail-cluster: "))
	return p
}

func (p *process) host() string { return strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/") }

// kill ends the program at once.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// stop ends the program in order, and fails the test unless it exits with 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	defer time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() }).Stop()
	_, _ = io.Copy(io.Discard, p.out)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v after SIGTERM, want exit status 0", err)
	}
}

func TestFlags_ThatDoNotGoTogetherAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"--nats=nats://127.0.0.1:1", "--redis=redis://127.0.0.1:1"},
		{"--cluster=127.0.0.1:1"},
		{"--store=x"},
		{"--cluster-listen=127.0.0.1:0", "--replicas=3"},
		{"--jetstream"},
		{"room"},
		{"--cluster-listen=0.0.0.0:1"}, // without a secret
		{"--redis=x"},
	} {
		p := launch(t, args...)
		if _, err := p.out.ReadString('\n'); err == nil {
			t.Errorf("%q: it serves", args)
		}
		if err := p.cmd.Wait(); err == nil || !strings.HasPrefix(p.logs.String(), "framerail-cluster: ") {
			t.Errorf("%q: %v, %q", args, err, p.logs.String())
		}
	}
}
