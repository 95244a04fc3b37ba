//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/self"
)

// child is this very program with another command, or another program.
type child struct{ *self.Process }

// start starts a child on one core with GOMAXPROCS=1, or, for a core of -1, on any
// core with the runtime's own number of threads. An empty program is this one. The caller
// must stop the child.
func start(ctx context.Context, core int, program string, args ...string) (*child, error) {
	run := (*exec.Cmd).Start
	if core >= 0 {
		run = func(cmd *exec.Cmd) error { return startOn(core, cmd) }
	}
	prepare := func(cmd *exec.Cmd) {
		if program != "" {
			cmd.Path = program
		}
		// A program under the race detector would stay for a second at its end.
		cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=20")
		if core >= 0 {
			cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
		}
	}
	p, err := self.Start(ctx, args, prepare, run)
	if err != nil {
		return nil, err
	}
	return &child{p}, nil
}

// stop ends the child; one that does not end by itself is killed.
func (c *child) stop() error { return c.Stop(60 * time.Second) }

// startOn starts cmd on one core. A process inherits the affinity of the thread
// that starts it, with its first instruction; setting it afterwards would miss
// the threads that the runtime has by then.
func startOn(core int, cmd *exec.Cmd) error {
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
