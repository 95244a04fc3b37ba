//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/bench/internal/self"
	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/server"
)

// handoverCommand replaces the server's process by another one that takes over its
// listener, over and over, while clients connect, echo and come back as fast as they
// can. Broken, the listener is closed and bound again.
type handoverCommand struct {
	scale
	Count   int `default:"50" help:"Restarts."`
	Clients int `default:"50" help:"Clients, each with one connection after the other."`
	Echoes  int `default:"20" help:"Messages of each connection, unless the server goes away before."`
}

// slowToAsk is how late a client may send its request for the server to owe it a
// connection while it drains: half of what the server allows.
const slowToAsk = time.Second

// visits is what the clients did and saw.
type visits struct {
	attempts, echoes, goingAway, late atomic.Int64
	slowest                           atomic.Int64 // handshake, in nanoseconds
}

func (b *handoverCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Count, b.Clients = 4, 16
	}
	v := new(verdict)
	args := []string{"generation", "127.0.0.1:0"}
	if b.Break {
		args = append(args, "--break")
	}
	first, err := self.Start(ctx, args, nil, (*exec.Cmd).Start)
	if err != nil {
		return err
	}
	defer first.Stop(patience) // closes what the last one reads from, too
	load, stop := context.WithCancel(ctx)
	defer stop()
	var seen visits
	var group sync.WaitGroup
	for range b.Clients {
		group.Go(func() {
			for load.Err() == nil {
				b.visit(ctx, v, first.First, &seen)
			}
		})
	}
	start := time.Now()
	total, err := b.restarts(ctx, v, first, &seen)
	took := time.Since(start)
	stop()
	group.Wait()
	if err != nil {
		return err
	}
	if _, err := b.end(v, first, "stop"); err != nil { // without a client
		return err
	}
	return v.finish("%d restarts in %v: %d connection attempts, none refused, reset or timed out, slowest %v; %d echoes, each message answered or followed by 1001 (%d times); drained: %d cleanly, %d by force, %d bytes lost; %d late requests got 503",
		b.Count, took.Round(time.Millisecond), seen.attempts.Load(), time.Duration(seen.slowest.Load()).Round(time.Millisecond),
		seen.echoes.Load(), seen.goingAway.Load(), total.Clean, total.Forced, total.Lost, seen.late.Load())
}

// restarts has one generation follow the other, and sums up how they drained.
func (b *handoverCommand) restarts(ctx context.Context, v *verdict, p *self.Process, seen *visits) (total server.Drain, err error) {
	for range b.Count {
		before := seen.attempts.Load()
		served, err := eventually(ctx, patience, func() (bool, error) {
			return seen.attempts.Load() >= before+2*int64(b.Clients), nil
		})
		if err != nil {
			return total, err
		}
		v.expect(served, "only %d attempts within %v", seen.attempts.Load()-before, patience)
		d, err := b.end(v, p, "restart")
		if err != nil {
			return total, err
		}
		total.Clean += d.Clean
		total.Forced += d.Forced
		total.Lost += d.Lost
	}
	v.expect(total.Forced == 0 && total.Lost == 0, "%d connections ended by force, %d bytes lost", total.Forced, total.Lost)
	v.expect(total.Clean > 0, "no connection was open at any restart")
	return total, nil
}

// end has the generation that serves end, and returns how it drained.
func (b *handoverCommand) end(v *verdict, p *self.Process, how string) (server.Drain, error) {
	answer, err := p.Ask(how)
	if err != nil {
		return server.Drain{}, fmt.Errorf("at %s: %w", how, err)
	}
	var end generationEnd
	if err := json.Unmarshal([]byte(answer), &end); err != nil {
		return end.Drain, fmt.Errorf("at %s: %q: %w", how, answer, err)
	}
	v.expect(end.Err == "", "at %s: %s", how, end.Err)
	return end.Drain, nil
}

// visit is one life of a connection.
func (b *handoverCommand) visit(ctx context.Context, v *verdict, addr string, seen *visits) {
	defer seen.attempts.Add(1)
	start := time.Now()
	c, err := connect(ctx, addr)
	if err != nil {
		v.miss("connecting: %v", err)
		sleep(ctx, 10*time.Millisecond) // broken, it would go on like this
		return
	}
	defer c.Close()
	_, err = c.Write(wire.Request(addr, "/"))
	asked := time.Since(start)
	if err == nil {
		err = wire.ReadResponse(c.in)
	}
	if err != nil {
		if asked > slowToAsk && strings.Contains(err.Error(), "HTTP/1.1 503 ") && strings.Contains(err.Error(), "Retry-After") {
			seen.late.Add(1)
			return
		}
		v.miss("handshake, asked after %v: %v", asked, err)
		return
	}
	for took := int64(time.Since(start)); ; {
		if old := seen.slowest.Load(); took <= old || seen.slowest.CompareAndSwap(old, took) {
			break
		}
	}
	n, goingAway, err := c.echoUntil1001(b.Echoes)
	seen.echoes.Add(int64(n))
	switch {
	case goingAway:
		seen.goingAway.Add(1)
	case err == nil: // the Close frames of both may cross
		err = c.send(wire.Close, []byte{0x03, 0xe8})
		if err == nil {
			_, err = c.awaitClose()
		}
	}
	v.expect(err == nil, "after %d echoes: %v", n, err)
}
