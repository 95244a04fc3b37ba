//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// lifetimeCommand has clients stay and echo until they are sent away. Broken, nobody
// ever is.
type lifetimeCommand struct {
	scale
	way
	Conns int           `default:"5000" help:"Connections, all opened within a moment."`
	Life  time.Duration `default:"20s" help:"The limit; each connection has up to a tenth less."`
	Slack time.Duration `default:"1s" help:"How much later than the limit a connection may be closed."`
}

func (b *lifetimeCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Conns, b.Life = 200, 5*time.Second
	}
	return against(ctx, setup{Program: "echo", Limits: server.Limits{Limits: conn.Limits{MaxLifetime: either(b.scale, b.Life, -1)}}}, b.live)
}

func (b *lifetimeCommand) live(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	lives := make([]time.Duration, b.Conns)
	var group sync.WaitGroup
	err = each(ctx, b.Conns, 16, func(ctx context.Context, i int) error {
		begin := time.Now()
		c, err := open(ctx, p.addr, "/")
		if err != nil {
			return err
		}
		group.Go(func() {
			defer c.Close()
			err := c.stay(begin.Add(b.Life + b.Slack))
			lives[i] = time.Since(begin)
			v.expect(err == nil, "connection %d after %v: %v", i, lives[i], err)
		})
		return nil
	})
	group.Wait()
	if err != nil {
		return "", err
	}
	slices.Sort(lives)
	v.expect(lives[0] >= b.Life*9/10, "one lived for %v", lives[0])
	// They came together; a half of them must not go together.
	middle := lives[b.Conns*3/4] - lives[b.Conns/4]
	v.expect(middle >= b.Life/100, "half of them were closed within %v", middle)
	return fmt.Sprintf("%d connections closed with 1001 after %.2f to %.2f s of %v, the middle half of them within %.2f s",
		b.Conns, lives[0].Seconds(), lives[b.Conns-1].Seconds(), b.Life, middle.Seconds()), nil
}

// stay echoes now and then until the server says that it is time to go, with 1001, and
// answers. It fails if that is not until then.
func (c *client) stay(until time.Time) error {
	if err := c.SetDeadline(until); err != nil {
		return err
	}
	if err := c.echo([]byte("still here")); err != nil {
		return err
	}
	code, err := c.awaitCode()
	if err != nil {
		return err
	}
	if code != 1001 {
		return fmt.Errorf("closed with %d", code)
	}
	if err := c.send(wire.Close, []byte{0x03, 0xe9}); err != nil {
		return err
	}
	return c.awaitEnd()
}
