//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// stuckCommand shuts a server down of whose clients half have stopped reading
// what the server has for them. Broken, the shutdown is given no deadline.
type stuckCommand struct {
	scale
	way
	Conns int           `default:"200" help:"Connections; half of them stop reading."`
	Grace time.Duration `default:"2s" help:"Deadline of the shutdown."`
	Slack time.Duration `default:"100ms" help:"How late it may be back."`
}

func (b *stuckCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Conns, b.Grace = 20, 4*time.Second
	}
	v := new(verdict)
	srv := newLocal(ctx)
	srv.CloseTimeout = 2 * (b.Grace + b.Slack) // a deadline of its own, which must not be the first
	opened, pending := srv.OnConnection, make(chan int, b.Conns)
	srv.OnConnection = func(c *conn.Conn) {
		opened(c)
		c.OnMessage(func(c *conn.Conn, m conn.Message) {
			if m.String() == "pour" {
				c.OnDrained(pourUntilStuck) // over a bridge the sockets take more later
				pourUntilStuck(c)
			}
			pending <- c.Pending()
		})
	}
	if err := srv.Start(); err != nil {
		return err
	}
	defer srv.Close()
	figure, err := b.shutdown(ctx, v, srv, pending)
	if err != nil {
		return err
	}
	return v.finish("%s", figure)
}

func (b *stuckCommand) shutdown(ctx context.Context, v *verdict, srv *local, pending <-chan int) (figure string, err error) {
	stuck := b.Conns / 2
	clients := make([]*client, b.Conns)
	defer func() { closeAll(clients) }()
	var group sync.WaitGroup
	defer group.Wait()
	for i := range clients {
		c, err := open(ctx, srv.address(), "/")
		if err != nil {
			return "", err
		}
		clients[i] = c
		if i < stuck {
			if err := c.stop(); err != nil {
				return "", err
			}
			if n := <-pending; n == 0 {
				return "", errors.New("the socket takes all: nobody is stuck")
			}
			continue
		}
		group.Go(func() {
			code, err := c.awaitCode()
			v.expect(err == nil && code == 1001, "healthy connection %d: close code %d, %v", i, code, err)
			// That the answer arrives shows in how the server says it ended.
			_ = c.send(wire.Close, []byte{0x03, 0xe9})
		})
	}

	start := time.Now()
	until, cancel := context.WithTimeout(ctx, either(b.scale, b.Grace, time.Hour))
	defer cancel()
	drained, err := srv.Shutdown(until)
	took := time.Since(start)
	v.expect(took <= b.Grace+b.Slack, "back after %v, with a deadline of %v", took, b.Grace)
	v.expect(took >= b.Grace, "back after %v: was nobody stuck?", took)
	v.expect(errors.Is(err, context.DeadlineExceeded), "Shutdown: %v", err)
	clean, cut := int(srv.clean.Load()), int(srv.cut.Load())
	v.expect(clean == b.Conns-stuck && cut == stuck, "%d closed cleanly and %d were cut, of %d healthy and %d stuck", clean, cut, b.Conns-stuck, stuck)
	want := server.Drain{Clean: clean, Forced: cut, Lost: srv.unsent.Load()}
	v.expect(drained == want && drained.Lost > 0, "the drain says %+v, the close callbacks %+v", drained, want)
	return fmt.Sprintf("%d healthy closed with 1001, %d stuck cut, %d bytes lost; back %v after the deadline of %v (bar: %v): %v",
		clean, cut, drained.Lost, (took - b.Grace).Round(100*time.Microsecond), b.Grace, b.Slack, err), nil
}

// pourUntilStuck sends until the socket takes no more.
func pourUntilStuck(c *conn.Conn) {
	for c.Pending() == 0 {
		if c.SendBinary(make([]byte, 64<<10)) != nil {
			return
		}
	}
}

// stop asks for more than the kernel holds, and reads none of it.
func (c *client) stop() error {
	return errors.Join(c.tcp.SetReadBuffer(8<<10), c.send(wire.Text, []byte("pour")))
}
