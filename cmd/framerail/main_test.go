package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests; none measures time.
const patience = time.Minute

// runAsProgram in the environment makes the test binary the program itself, so
// that the tests run what is built with them: under the race detector too.
const runAsProgram = "FRAMERAIL_TEST_RUN_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command returns the command that runs "framerail args...".
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), runAsProgram+"=1", "GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=0")
	return cmd
}

// finish runs "framerail args..." to its end.
func finish(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs

	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// process is a running "framerail" that has said that it is ready.
type process struct {
	cmd   *exec.Cmd
	ready string // its line on standard output, without the newline
	url   string // the last word of that line
	log   journal
	rest  chan string // what followed the line, once it has ended
}

// journal is what a process has logged so far.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// start starts "framerail args..." and waits for its ready line. The process
// ends with the test if the test does not end it.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: command(args...), rest: make(chan string, 1)}
	p.cmd.Stderr = &p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("log of framerail %s:\n%s", strings.Join(args, " "), p.log.String())
		}
	})

	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	if err != nil {
		p.cmd.Wait()
		t.Fatalf("no ready line: %v\n%s", err, p.log.String())
	}
	go func() {
		rest, _ := io.ReadAll(lines)
		p.rest <- string(rest)
	}()
	p.ready = strings.TrimSuffix(line, "\n")
	p.url = p.ready[strings.LastIndexByte(p.ready, ' ')+1:]
	return p
}

// signal sends a signal.
func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wait waits for the end and returns what followed the ready line on standard
// output.
func (p *process) wait(t *testing.T) (rest string) {
	t.Helper()
	timeout := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer timeout.Stop()
	rest = <-p.rest // first, as Wait closes the pipe
	p.cmd.Wait()
	return rest
}

// stop ends the process in order and fails the test unless it exits with 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	if !p.cmd.ProcessState.Success() {
		t.Fatalf("%v after SIGTERM, want exit status 0", p.cmd.ProcessState)
	}
}

// within is a context that ends with the test, or when patience does.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestUsageErrorIsOneLineAndStatus2(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		says string
	}{
		{"no_command", nil, `expected one of "echo", "chat"`},
		{"unknown_command", []string{"frob"}, "unexpected argument frob"},
		{"unknown_flag", []string{"--frob"}, "unknown flag --frob (try framerail --help)"},
		{"unknown_flag_of_command", []string{"echo", "--frob"}, "unknown flag --frob (try framerail echo --help)"},
		{"argument_too_many", []string{"chat", "room"}, "unexpected argument room"},
		{"log_level", []string{"--log-level=loud", "echo"}, `--log-level: "loud" is none of debug, info, warn and error`},
		{"addr_without_port", []string{"echo", "--addr=127.0.0.1"}, "want HOST:PORT"},
		{"addr_empty", []string{"chat", "--addr="}, "want HOST:PORT"},
		{"port_too_big", []string{"chat", "--addr=127.0.0.1:65536"}, "not a number up to 65535"},
		{"metrics_without_port", []string{"echo", "--metrics=127.0.0.1"}, "want HOST:PORT"},
		{"loops_not_a_number", []string{"echo", "--loops=many"}, "--loops"},
		{"loops_negative", []string{"echo", "--loops=-1"}, "--loops must not be negative"},
		{"cert_without_key", []string{"echo", "--tls-cert=x.pem"}, "--tls-cert and --tls-key go together"},
		{"cert_and_self_signed", []string{"echo", "--tls-cert=x", "--tls-key=y", "--tls-self-signed"}, "exclude each other"},
		{"chat_loops_negative", []string{"chat", "--loops=-1"}, "--loops must not be negative"},
		{"drain_without_unit", []string{"echo", "--drain-timeout=3"}, "--drain-timeout"},
		{"drain_negative", []string{"chat", "--drain-timeout=-1s"}, "--drain-timeout must not be negative"},
		{"message_unit", []string{"echo", "--max-message=16MB"}, "is not a size"},
		{"message_zero", []string{"echo", "--max-message=0"}, "from 1B to 256MiB"},
		{"deflate_unknown", []string{"echo", "--deflate=yes"}, "must be one of"},
		{"window_too_small", []string{"echo", "--window-bits=7"}, "from 8 to 15"},
		{"window_without_deflate", []string{"echo", "--window-bits=9"}, "--window-bits is for --deflate"},
		{"url_and_serve", []string{"conform", "--serve=127.0.0.1:0", "ws://127.0.0.1:1/"}, "not both"},
		{"window_too_big", []string{"echo", "--window-bits=16"}, "from 8 to 15"},
		{"message_too_big", []string{"echo", "--max-message=257MiB"}, "from 1B to 256MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := finish(t, tc.args...)
			if status != exitUsage {
				t.Errorf("exit status %d, want %d", status, exitUsage)
			}
			if stdout != "" {
				t.Errorf("standard output %q, want nothing", stdout)
			}
			if !strings.Contains(stderr, tc.says) || strings.Count(stderr, "\n") != 1 || !strings.HasSuffix(stderr, "\n") {
				t.Errorf("standard error %q, want one line that says %q", stderr, tc.says)
			}
		})
	}
}

func TestHelpNamesEveryFlagAndExits0(t *testing.T) {
	for _, tc := range []struct {
		args []string
		says []string
	}{
		{[]string{"--help"}, []string{"Usage: framerail <command>", "echo", "chat", "--log-level", "--version"}},
		{[]string{"echo", "--help"}, []string{"127.0.0.1:9001", "--loops", "--max-message", "16MiB", "--goroutines", "--stream", "--deflate", "--window-bits", "--drain-timeout", "--metrics"}},
		{[]string{"chat", "--help"}, []string{"127.0.0.1:9002", "--node", "--loops", "--drain-timeout", "--metrics"}},
		{[]string{"--version"}, []string{"framerail ", " go1.", "/"}},
	} {
		t.Run(strings.Join(tc.args, "_"), func(t *testing.T) {
			status, stdout, stderr := finish(t, tc.args...)
			if status != 0 || stderr != "" {
				t.Errorf("exit status %d, standard error %q, want 0 and nothing", status, stderr)
			}
			for _, word := range tc.says {
				if !strings.Contains(stdout, word) {
					t.Errorf("does not say %q:\n%s", word, stdout)
				}
			}
			if strings.Contains(stdout, "${") {
				t.Errorf("a variable was not filled in:\n%s", stdout)
			}
		})
	}
}

func TestVersion_TellsReleaseCommitOrDevelopment(t *testing.T) {
	for recorded, want := range map[string]string{
		"v0.1.0":  "v0.1.0",
		"(devel)": "development build",
		"":        "development build",
		"v0.1.1-0.20261129083000-47601f4a1b2c+dirty": "v0.1.1-0.20261129083000-47601f4a1b2c+dirty",
	} {
		if got := versionWord(recorded); got != want {
			t.Errorf("%q: %q, want %q", recorded, got, want)
		}
	}
}
