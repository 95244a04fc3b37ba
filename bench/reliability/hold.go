//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/bench/internal/proc"
	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// holdCommand opens connections and holds them. The server pings each; the clients
// answer. Broken, the program drops some.
type holdCommand struct {
	scale
	way
	Conns    int           `default:"19000" help:"Connections; needs as many descriptors."`
	Idle     time.Duration `default:"30s" help:"The server's idle timeout; it pings at half of it."`
	Duration time.Duration `default:"1m" help:"How long all are held."`
}

func (b *holdCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Conns, b.Idle, b.Duration = 300, 16*time.Second, 12*time.Second
	}
	set := setup{Program: either(b.scale, "echo", "drop"), Limits: server.Limits{Limits: conn.Limits{IdleTimeout: b.Idle}}}
	return against(ctx, set, b.hold)
}

func (b *holdCommand) hold(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	user, err := proc.Memory(p.Pid())
	if err != nil {
		return "", err
	}
	kernel, err := proc.KernelSlab()
	if err != nil {
		return "", err
	}
	clients, err := openAll(ctx, p.addr, b.Conns)
	defer closeAll(clients)
	if err != nil {
		return "", err
	}

	var pings atomic.Int64
	end := time.Now().Add(b.Duration)
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() {
			n, err := c.answerPings(end)
			pings.Add(int64(n))
			v.expect(err == nil, "connection %d: %v", i, err)
			v.expect(err != nil || n > 0, "connection %d was not pinged", i)
		})
	}
	group.Wait()

	user2, err := proc.Memory(p.Pid())
	if err != nil {
		return "", err
	}
	kernel2, err := proc.KernelSlab()
	if err != nil {
		return "", err
	}
	for i, c := range clients {
		if err := c.extend(patience); err != nil {
			return "", err
		}
		if err := c.echo([]byte("still here")); err != nil {
			v.miss("connection %d after %v: %v", i, b.Duration, err)
		}
	}
	s, err := p.stats()
	if err != nil {
		return "", err
	}
	v.expect(s.Opened == int64(b.Conns) && s.Closed == 0, "the server opened %d connections and closed %d", s.Opened, s.Closed)
	n := int64(b.Conns)
	return fmt.Sprintf("%d connections for %v, %d pings answered, %d dropped; user %d B, kernel %d B (both ends) each",
		b.Conns, b.Duration, pings.Load(), s.Closed, (user2-user)/n, (kernel2-kernel)/n), nil
}

// answerPings answers each ping until end, and wants nothing else to come.
func (c *client) answerPings(end time.Time) (n int, err error) {
	for {
		if err := c.SetReadDeadline(end); err != nil {
			return n, err
		}
		// A deadline may pass within a frame; one byte ahead it cannot.
		if _, err := c.in.Peek(1); timedOut(err) {
			return n, nil
		}
		if err := c.extend(patience); err != nil {
			return n, err
		}
		opcode, payload, err := c.receive()
		if err != nil {
			return n, err
		}
		if opcode != wire.Ping {
			return n, fmt.Errorf("opcode %#x, not a ping", opcode)
		}
		n++
		if err := c.send(wire.Pong, payload); err != nil {
			return n, err
		}
	}
}
