//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"github.com/framerail/framerail/bench/internal/proc"
	"github.com/framerail/framerail/bench/internal/self"
)

// process is a server in a process of its own.
type process struct {
	*self.Process
	addr string
}

// against runs f against a server in a process of its own, and finishes with the
// figure that it returns.
func against(ctx context.Context, s setup, f func(context.Context, *verdict, *process) (figure string, err error)) error {
	v := new(verdict)
	var figure string
	err := withServer(ctx, v, s, func(p *process) (err error) {
		figure, err = f(ctx, v, p)
		return err
	})
	if err != nil {
		return err
	}
	return v.finish("%s", figure)
}

// withServer runs f against a server in a process of its own. That the process
// does not end well speaks against the bar.
func withServer(ctx context.Context, v *verdict, s setup, f func(*process) error) error {
	s.way = wayOf(ctx)
	asJSON, err := json.Marshal(s)
	if err != nil {
		return err
	}
	quiet := func(cmd *exec.Cmd) {
		if s.Quiet {
			cmd.Stderr = nil
		}
	}
	server, err := self.Start(ctx, []string{"serve", string(asJSON)}, quiet, (*exec.Cmd).Start)
	if err != nil {
		return err
	}
	err = f(&process{server, server.First})
	if stopped := server.Stop(patience); stopped != nil {
		v.miss("the server's process: %v", stopped)
	}
	return err
}

// stats asks the server for its own account, made after a garbage collection.
func (p *process) stats() (s stats, err error) {
	if s, err = p.ask("stats"); err != nil {
		return s, err
	}
	if s.Descriptors, err = proc.Descriptors(p.Pid()); err != nil {
		return s, err
	}
	s.Watched, err = proc.Watched(p.Pid())
	return s, err
}

// glance is that account without a garbage collection, and so without the heap.
func (p *process) glance() (stats, error) { return p.ask("glance") }

func (p *process) ask(line string) (s stats, err error) {
	answer, err := p.Ask(line)
	if err != nil {
		return s, fmt.Errorf("the server tells nothing more: %w", err)
	}
	return s, json.Unmarshal([]byte(answer), &s)
}

// cpu is what the server has used, to 10 ms.
func (p *process) cpu() (time.Duration, error) {
	user, system, err := proc.CPUTime(p.Pid())
	return user + system, err
}

// settle waits until the server has as few descriptors and goroutines as in
// before, and no connection that has not been closed, and returns its account;
// also once that no longer changes. Goroutines that wait for callbacks end after up to 2 s.
func (p *process) settle(ctx context.Context, before stats) (s stats, err error) {
	var last stats
	same := 0
	_, err = eventually(ctx, patience, func() (bool, error) {
		s, err = p.stats()
		if same++; s.Descriptors != last.Descriptors || s.Goroutines != last.Goroutines || s.Closed != last.Closed {
			same = 0
		}
		last = s
		back := s.Descriptors <= before.Descriptors && s.Goroutines <= before.Goroutines && s.Opened == s.Closed
		return back || same == 150, err
	})
	return s, err
}
