//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// server is an echo server in a process of its own, which ends with this one:
// its standard input is a pipe from here.
type server struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	addr   string
}

// startServer starts this program's own serve command for one peer. A core of
// -1 leaves the process free to run anywhere, with the runtime's own number of
// threads; otherwise it gets that core and GOMAXPROCS=1. The caller must stop
// the server.
func startServer(ctx context.Context, peer string, core int) (*server, error) {
	cmd, err := self(ctx, core, "serve", "--lifeline", peer)
	if err != nil {
		return nil, err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(core, cmd); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	if s.addr, err = s.line(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", peer, err), s.stop())
	}
	return s, nil
}

func (s *server) line() (string, error) {
	line, err := s.stdout.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// collect has the server collect its garbage and waits until it has.
func (s *server) collect() error {
	if _, err := fmt.Fprintln(s.stdin, "collect"); err != nil {
		return err
	}
	_, err := s.line()
	return err
}

// stop ends the server; one that does not end by itself is killed.
func (s *server) stop() error {
	kill := time.AfterFunc(5*time.Second, func() { s.cmd.Process.Kill() })
	defer kill.Stop()
	return errors.Join(s.stdin.Close(), s.cmd.Wait())
}

// self is this very program with other arguments.
func self(ctx context.Context, core int, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = os.Stderr
	if core >= 0 {
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	}
	return cmd, nil
}

// startOn starts cmd on one core. A process inherits the affinity of the thread
// that starts it, with its first instruction; setting it afterwards would miss
// the threads that the runtime has by then.
func startOn(core int, cmd *exec.Cmd) error {
	if core < 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("sched_getaffinity: %w", err)
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("core %d: sched_setaffinity: %w", core, err)
	}
	return errors.Join(cmd.Start(), unix.SchedSetaffinity(0, &before))
}
