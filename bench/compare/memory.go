//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/proc"
	"github.com/framerail/framerail/bench/internal/report"
)

const (
	// warmupConns come, echo and leave before the count begins, so that what a
	// server sets up once is not divided among the connections measured.
	warmupConns = 100
	// patience is how long a server's memory may take to stay the same.
	patience = 20 * time.Second
)

// leanPrograms builds a program for each library that has no other library in it. It returns
// their directory, which the caller must remove.
func leanPrograms(ctx context.Context) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "framerail-lean-"); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir, "github.com/framerail/framerail/bench/peers/lean/...")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("go build: %w: %s", err, out), os.RemoveAll(dir))
	}
	return dir, nil
}

// memory measures rows of one section, which differ in their connections alone: the
// fewest first. Servers run one after the other, each from a program of its own if there is
// one in dir, and on all cores.
func (e effort) memory(ctx context.Context, rows []row, list []contender, dir string) ([][]report.Server, error) {
	servers := make([][]report.Server, len(rows))
	for _, c := range list {
		program := filepath.Join(dir, "lean-"+c.name)
		if _, err := os.Stat(program); err != nil {
			program = ""
		}
		values := make([]map[string][]float64, len(rows))
		for i := range values {
			values[i] = make(map[string][]float64)
		}
		var failed error
		for range e.memoryRounds() {
			if failed = e.grow(ctx, rows, c, program, values); failed != nil {
				break
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i := range rows {
			s := report.Server{Name: c.name, Library: c.library}
			if failed != nil {
				s.Failed = failed.Error()
			} else {
				s.Figures = make(map[string]report.Figure)
				for name, rounds := range values[i] {
					s.Figures[name] = report.NewFigure(rounds)
				}
			}
			servers[i] = append(servers[i], s)
		}
	}
	return servers, nil
}

// memoryRounds is fewer rounds than elsewhere: memory varies less.
func (e effort) memoryRounds() int { return (e.Rounds + 2) / 3 }

// grow opens the connections of each row in addition to those of the rows before.
func (e effort) grow(ctx context.Context, rows []row, c contender, program string, values []map[string][]float64) (err error) {
	s, err := c.start(ctx, -1, program)
	if err != nil {
		return err
	}
	var opened []*load.Clients
	defer func() {
		for _, clients := range opened {
			err = errors.Join(err, clients.Close())
		}
		err = errors.Join(err, s.stop())
	}()
	warmup, err := echoed(rows[0], s, c, warmupConns)
	if err != nil {
		return err
	}
	if err := warmup.Close(); err != nil {
		return err
	}
	before, err := e.settled(ctx, s.pid)
	if err != nil {
		return err
	}
	open := 0
	for i, r := range rows {
		clients, err := echoed(r, s, c, r.load.Conns-open)
		if err != nil {
			return err
		}
		opened, open = append(opened, clients), r.load.Conns
		now, err := e.settled(ctx, s.pid)
		if err != nil {
			return err
		}
		add := func(name string, value int64) { values[i][name] = append(values[i][name], float64(value)) }
		add(report.Resident, now.resident)
		add(report.Memory, (now.resident-before.resident)/int64(open))
		add(report.Kernel, (now.kernel-before.kernel)/int64(open)/2)
		if i < len(rows)-1 || s.collect == nil {
			continue
		}
		if err := s.collect(); err != nil {
			return err
		}
		if now, err = e.settled(ctx, s.pid); err != nil {
			return err
		}
		add(report.Collected, (now.resident-before.resident)/int64(open))
	}
	return nil
}

// echoed opens connections, each of which has echoed one message.
func echoed(r row, s *running, c contender, conns int) (*load.Clients, error) {
	o := r.optionsFor(s.addr, c)
	o.Conns = conns
	clients, err := load.Dial(o)
	if err != nil {
		return nil, err
	}
	if err := clients.Once(); err != nil {
		return nil, errors.Join(err, clients.Close())
	}
	return clients, nil
}

// occupied is the memory of a process, and that of the kernel for all, in bytes.
type occupied struct{ resident, kernel int64 }

// settled waits until the memory of a process no longer changes.
func (e effort) settled(ctx context.Context, pid int) (last occupied, err error) {
	ticker := time.NewTicker(e.quiet / 10)
	defer ticker.Stop()
	start := time.Now()
	for since := start; time.Since(since) < e.quiet && time.Since(start) < patience; {
		now, err := proc.Memory(pid)
		if err != nil {
			return last, err
		}
		if now != last.resident {
			last.resident, since = now, time.Now()
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-ticker.C:
		}
	}
	last.kernel, err = proc.KernelSlab()
	return last, err
}
