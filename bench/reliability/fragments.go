//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// fragmentsCommand sends messages of endless fragments, empty or of one byte, and
// never the last. Broken, the server's bound on fragments is out of reach.
type fragmentsCommand struct {
	scale
	way
	Count int `default:"1000000" help:"Fragments of each of the four messages, unless the server ends it before."`
	Limit int `default:"131072" help:"The server's bound on fragments."`
}

// fragmentsMessage is the server's bound on a message's bytes. Twice that is
// what a message may cost.
const fragmentsMessage = 256 << 10

func (b *fragmentsCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Count, b.Limit = 20000, 5000
	}
	v := new(verdict)
	set := setup{Program: "echo", Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: fragmentsMessage, MaxFragments: either(b.scale, b.Limit, 1<<30)}}}
	var most int64
	err := withServer(ctx, v, set, func(p *process) error {
		for _, size := range []int{0, 1, 0, 1} {
			grown, err := b.flood(ctx, v, p, size)
			if err != nil {
				return err
			}
			most = max(most, grown)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return v.finish("4 messages of up to %d fragments, closed with 1008 at %d; heap grew by at most %d B each (bar: %d B)",
		b.Count, b.Limit, most, 2*fragmentsMessage)
}

// flood sends one message and returns by how much the heap had grown just before
// the bound.
func (b *fragmentsCommand) flood(ctx context.Context, v *verdict, p *process, size int) (grown int64, err error) {
	c, err := open(ctx, p.addr, "/")
	if err != nil {
		return 0, err
	}
	defer c.reset()
	before, err := p.stats()
	if err != nil {
		return 0, err
	}

	key := [4]byte{1, 2, 3, 4}
	payload := []byte("x")[:size]
	one := wire.AppendFrame(nil, false, wire.Continuation, key, payload)
	many := bytes.Repeat(one, 1000)
	repeat := func(n int) error {
		for ; n >= 1000; n -= 1000 {
			if _, err := c.Write(many); err != nil {
				return err
			}
		}
		_, err := c.Write(many[:n*len(one)])
		return err
	}
	first := wire.AppendFrame(nil, false, wire.Text, key, payload)
	if _, err := c.Write(first); err != nil {
		return 0, err
	}
	// One short of the bound; the pong tells that all has been read.
	if err := repeat(b.Limit - 2); err != nil {
		return 0, err
	}
	if err := c.pingPong(); err != nil {
		v.miss("%d fragments of %d B, within the bound: %v", b.Limit-1, size, err)
		return 0, nil
	}
	held, err := p.stats()
	if err != nil {
		return 0, err
	}
	grown = held.Heap - before.Heap
	v.expect(grown <= 2*fragmentsMessage, "%d fragments of %d B hold %d B of heap", b.Limit-1, size, grown)

	// The rest meets a connection that closes: that it cannot be sent is well. A
	// pong behind it all would tell that the connection lives on.
	_ = repeat(b.Count - b.Limit + 1)
	_ = c.send(wire.Ping, []byte("still?"))
	if err := c.extend(patience); err != nil {
		return 0, err
	}
	opcode, answer, err := c.receive()
	v.expect(opcode == wire.Close && bytes.HasPrefix(answer, []byte{0x03, 0xf0}),
		"%d fragments of %d B: opcode %#x with %q, not a Close with 1008, %v", b.Count, size, opcode, answer, err)
	return grown, nil
}

// pingPong sends a ping and awaits its pong.
func (c *client) pingPong() error {
	if err := c.send(wire.Ping, []byte("there?")); err != nil {
		return err
	}
	opcode, payload, err := c.receive()
	if err == nil && opcode != wire.Pong {
		err = fmt.Errorf("opcode %#x with %q, not a pong", opcode, payload)
	}
	return err
}
