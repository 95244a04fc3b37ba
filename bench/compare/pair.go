//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/proc"
)

// pair is one server and its clients, each a process on a core of its own. Both use no CPU
// unless a turn runs.
type pair struct {
	contender
	server  *running
	clients *child
	rounds  []round
	failed  error // it takes part no more
}

// round is what came of the turns of a pair in one round.
type round struct {
	load.Slice
	server, client time.Duration // CPU
}

func startPair(ctx context.Context, r row, c contender, serverCore, clientCore int) *pair {
	p := &pair{contender: c}
	var further []string
	if r.cores > 1 {
		serverCore, further = -1, []string{fmt.Sprintf("--procs=%d", r.cores)}
	}
	if p.server, p.failed = c.start(ctx, serverCore, "", further...); p.failed != nil {
		return p
	}
	options, err := json.Marshal(r.optionsFor(p.server.addr, c))
	if err == nil {
		p.clients, err = start(ctx, clientCore, "", "load", string(options))
	}
	if err != nil {
		p.failed = errors.Join(err, p.server.stop())
		p.server = nil
	}
	return p
}

// stop ends both. That the clients of a pair that failed have failed is known.
func (p *pair) stop() error {
	var errs []error
	if p.clients != nil {
		if err := p.clients.stop(); p.failed == nil {
			errs = append(errs, err)
		}
	}
	if p.server != nil {
		errs = append(errs, p.server.stop())
	}
	return errors.Join(errs...)
}

// run makes load for d and adds what happened to the last round.
func (p *pair) run(d time.Duration) {
	answer, err := p.clients.Ask(d.String())
	var s load.Slice
	if err == nil {
		err = json.Unmarshal([]byte(answer), &s)
	}
	if err != nil {
		p.failed = fmt.Errorf("the clients gave up: %w", err)
		return
	}
	r := &p.rounds[len(p.rounds)-1]
	r.Messages += s.Messages
	r.Elapsed += s.Elapsed
	r.Received += s.Received
	r.Late += s.Late
	r.Latency = append(r.Latency, s.Latency...)
}

// used is the CPU that both have used so far.
type used struct{ server, client proc.Threads }

func (p *pair) used() (u used, err error) {
	if p.server.pid != 0 {
		if u.server, err = proc.RunTime(p.server.pid); err != nil {
			return u, err
		}
	}
	u.client, err = proc.RunTime(p.clients.Pid())
	return u, err
}

// serverBusy and clientBusy are the shares of their cores that each had.
func (r round) serverBusy() float64 { return r.server.Seconds() / r.Elapsed.Seconds() }
func (r round) clientBusy() float64 { return r.client.Seconds() / r.Elapsed.Seconds() }

// cpu is the server's CPU for each message, in microseconds.
func (r round) cpu() float64  { return r.server.Seconds() * 1e6 / float64(r.Messages) }
func (r round) rate() float64 { return float64(r.Messages) / r.Elapsed.Seconds() }
func (r round) wire() float64 { return float64(r.Received) / float64(r.Messages) }
