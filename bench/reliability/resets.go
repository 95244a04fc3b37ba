//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// resetsCommand resets connections while the server is writing a long message to
// them. Each has bytes of its own, so that a write to a descriptor that became
// somebody else's is seen. Broken, a server does just that.
type resetsCommand struct {
	scale
	way
	Count   int `default:"100000" help:"Connections that are reset."`
	Workers int `default:"16" help:"How many at a time."`
}

// resetsMessage is what the server writes to each.
const resetsMessage = 1 << 20

func (b *resetsCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Count, b.Workers = 150, 8
	}
	set := setup{Program: "pour", Limits: server.Limits{Limits: conn.Limits{MaxPending: 2 << 20}}}
	if b.Break {
		set = setup{Faulty: "stale"}
	}
	return against(ctx, set, b.resets)
}

func (b *resetsCommand) resets(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	before, err := p.stats()
	if err != nil {
		return "", err
	}
	// Bystanders take descriptors as they become free, echo, and must see nothing
	// that is not theirs.
	leave := bystanders(ctx, v, p.addr)
	var read atomic.Int64
	err = each(ctx, b.Count, b.Workers, func(ctx context.Context, i int) error {
		c, err := open(ctx, p.addr, "/")
		if err != nil {
			v.miss("connection %d: %v", i, err)
			return nil
		}
		defer c.reset()
		n, err := c.pour(byte(1+i%255), i%8*(resetsMessage/8))
		v.expect(err == nil, "connection %d: %v", i, err)
		read.Add(n)
		return nil
	})
	lives := leave()
	if err != nil {
		return "", err
	}
	after, err := p.settle(ctx, before)
	if err != nil {
		return "", err
	}
	all := int64(b.Count) + lives
	// A faulty server counts nothing.
	v.expect(b.Break || after.Opened == all && after.Closed == all && after.Twice == 0,
		"of %d connections %d opened, %d closed, %d of these more than once", all, after.Opened, after.Closed, after.Twice)
	v.expect(after.Descriptors <= before.Descriptors, "descriptors: %d before, %d after", before.Descriptors, after.Descriptors)
	return fmt.Sprintf("%d resets within a write of 1 MiB, %d connections beside them; close callbacks %d, none twice, %.1f GB compared, none of another connection",
		b.Count, lives, after.Closed, float64(read.Load())/1e9), nil
}

// pour asks for a long message of one byte value, and reads n bytes of it.
func (c *client) pour(value byte, n int) (read int64, err error) {
	if err := c.send(wire.Binary, []byte{value}); err != nil {
		return 0, err
	}
	header := make([]byte, 10)
	if _, err := io.ReadFull(c.in, header); err != nil {
		return 0, err
	}
	if want := []byte{0x80 | wire.Binary, 127, 0, 0, 0, 0, 0, resetsMessage >> 16, 0, 0}; !bytes.Equal(header, want) {
		return 0, fmt.Errorf("header % x, want % x", header, want)
	}
	part := make([]byte, 32<<10)
	for read < int64(n) {
		got, err := c.in.Read(part)
		if err != nil {
			return read, err
		}
		read += int64(got)
		if other := bytes.TrimLeft(part[:got], string([]byte{value})); len(other) > 0 {
			return read, errors.New("it has bytes of another connection")
		}
	}
	return read, nil
}
