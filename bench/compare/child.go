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

// child is this very program with another command, in a process that ends with
// this one: its standard input is a pipe from here. They talk in lines.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	first  string // the line with which it says that it is ready
}

// start starts a child on one core with GOMAXPROCS=1, or, for a core of -1, on any
// core with the runtime's own number of threads. The caller must stop it.
func start(ctx context.Context, core int, args ...string) (*child, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = os.Stderr
	if core >= 0 {
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
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
	c := &child{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	if c.first, err = c.line(); err != nil {
		return nil, errors.Join(fmt.Errorf("%v did not start: %w", args, err), c.stop())
	}
	return c, nil
}

// startServer starts one peer's echo server; its first line is its address.
func startServer(ctx context.Context, peer string, core int) (*child, error) {
	return start(ctx, core, "serve", "--lifeline", peer)
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) line() (string, error) {
	line, err := c.stdout.ReadString('\n')
	return strings.TrimSpace(line), err
}

// ask sends one line and waits for the answer.
func (c *child) ask(line string) (answer string, err error) {
	if _, err := fmt.Fprintln(c.stdin, line); err != nil {
		return "", err
	}
	return c.line()
}

// stop ends the child; one that does not end by itself is killed.
func (c *child) stop() error {
	kill := time.AfterFunc(5*time.Second, func() { c.cmd.Process.Kill() })
	defer kill.Stop()
	return errors.Join(c.stdin.Close(), c.cmd.Wait())
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
