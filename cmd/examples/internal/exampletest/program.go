// Package exampletest runs an example as the program it is, for its test: the test binary
// starts itself again, so that the flags, the signals and the exit status are tested, too,
// and all of it under the race detector.
package exampletest

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

// Patience bounds every wait of the examples' tests; none measures time.
const Patience = 60 * time.Second

// asProgram in the environment makes the test binary the example.
const asProgram = "FRAMERAIL_EXAMPLE_AS_PROGRAM"

// Main is for a test's TestMain; main is the example's.
func Main(m *testing.M, main func()) {
	if os.Getenv(asProgram) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(3) // the test is gone, without having ended the example
		}()
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Program is an example that runs and has said where it listens.
type Program struct {
	URL string // what it has printed, such as ws://127.0.0.1:8080/
	Pid int

	cmd  *exec.Cmd
	log  bytes.Buffer  // of standard error, to be read once it has ended
	read chan struct{} // closed once its standard output has ended
}

// Start runs the example on a port of the kernel's choosing, with these flags, until the
// test ends it or ends.
func Start(t *testing.T, flags ...string) *Program {
	t.Helper()
	p := &Program{cmd: exec.Command(os.Args[0], append([]string{"-addr=127.0.0.1:0"}, flags...)...), read: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=0")
	p.cmd.Stderr = &p.log
	if _, err := p.cmd.StdinPipe(); err != nil { // closed with the test binary, at the latest
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.Pid = p.cmd.Process.Pid
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			p.wait()
		}
		if t.Failed() {
			t.Logf("log of the example:\n%s", p.log.String())
		}
	})

	defer time.AfterFunc(Patience, func() { _ = p.cmd.Process.Kill() }).Stop()
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		close(p.read)
	}()
	if err != nil {
		t.Fatalf("it has not said where it listens: %v", err)
	}
	p.URL = strings.TrimSpace(line)
	return p
}

// Signal sends what Ctrl-C or a service manager does.
func (p *Program) Signal(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// End waits for the end of an example that was sent a signal, fails the test unless the
// exit status is 0, and returns the log.
func (p *Program) End(t *testing.T) (log string) {
	t.Helper()
	defer time.AfterFunc(Patience, func() { _ = p.cmd.Process.Kill() }).Stop()
	p.wait()
	if !p.cmd.ProcessState.Success() {
		t.Fatalf("%v after SIGTERM, want exit status 0", p.cmd.ProcessState)
	}
	return p.log.String()
}

// Stop is Signal and End.
func (p *Program) Stop(t *testing.T) (log string) {
	t.Helper()
	p.Signal(t)
	return p.End(t)
}

func (p *Program) wait() {
	<-p.read // first, since Wait closes the pipe
	_ = p.cmd.Wait()
}
