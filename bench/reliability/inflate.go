//go:build linux

package main

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// inflateCommand sends compressed messages that say far more than they are long.
// Broken, the server's limit on messages is out of reach.
type inflateCommand struct {
	scale
	upgrading
	MiB    int `default:"1024" help:"What each message says."`
	Rounds int `default:"20" help:"Messages of each kind."`
}

const (
	inflateLimit = 1 << 20 // the server's bound on a message's bytes
	// A message grows in buffers that double, so that those up to the limit add up to
	// twice as much; the window, the loop's own buffer and the decoder come on top.
	inflateMost = 2*inflateLimit + 6*(32<<10)
	// Of those two are lent at once, while the message moves from one to the next, half as
	// long; and with them what is kept of what was read, and the window.
	inflatePeak = inflateLimit + inflateLimit/2 + 6*(32<<10)
)

// bombKind is how a message is sent.
type bombKind struct {
	name     string
	fragment int  // bytes of each; 0: one frame
	takeover bool // it comes behind another that it could refer to
}

func (b *inflateCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.MiB, b.Rounds = 64, 3
	}
	set := setup{
		Program: "echo",
		Deflate: server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true},
		Limits:  server.Limits{Limits: conn.Limits{MaxMessageSize: either[int64](b.scale, inflateLimit, 1<<40)}},
		Loops:   1,
	}
	bomb, err := b.bomb()
	if err != nil {
		return err
	}
	v := new(verdict)
	var most, peak int64
	err = withServer(ctx, v, set, func(p *process) (err error) {
		most, err = b.attack(ctx, v, p, bomb, "allocated", inflateMost, func(earlier, later stats) int64 { return later.Allocated - earlier.Allocated })
		return err
	})
	if err != nil {
		return err
	}
	set.Program = "watched" // which allocates by itself
	err = withServer(ctx, v, set, func(p *process) (err error) {
		peak, err = b.attack(ctx, v, p, bomb, "held at once", inflatePeak, func(earlier, later stats) int64 { return later.PeakBytes - earlier.BufferBytes })
		return err
	})
	if err != nil {
		return err
	}
	return v.finish("2 x %d messages of %d B that say %d MiB, in one frame and in fragments, with takeover and without: closed with 1009 at %d KiB; at most %d B allocated for each, freed ones included (bar: %d B), and %d B of buffers held at once (bar: %d B)",
		4*b.Rounds, len(bomb), b.MiB, inflateLimit>>10, most, inflateMost, peak, inflatePeak)
}

// attack sends the messages and returns the most that one took of what is measured.
func (b *inflateCommand) attack(ctx context.Context, v *verdict, p *process, bomb []byte, what string, bar int64, measure func(earlier, later stats) int64) (most int64, err error) {
	for _, kind := range []bombKind{
		{"one frame, no takeover", 0, false}, {"fragments, no takeover", 1000, false},
		{"one frame, takeover", 0, true}, {"fragments, takeover", 1000, true},
	} {
		for range b.Rounds {
			taken, err := b.least(ctx, v, p, kind, bomb, bar, measure)
			if err != nil {
				return 0, err
			}
			v.expect(taken <= bar, "%s: %d B were %s", kind.name, taken, what)
			most = max(most, taken)
		}
	}
	return most, nil
}

// least sends the message, and a few times more if it cost too much: a pool that a garbage
// collection has just emptied fills once, and what a message costs it costs every time.
func (b *inflateCommand) least(ctx context.Context, v *verdict, p *process, kind bombKind, bomb []byte, bar int64, measure func(earlier, later stats) int64) (int64, error) {
	least, err := b.one(ctx, v, p, kind, bomb, measure)
	for tries := 1; tries < 5 && err == nil && least > bar && !b.Break; tries++ {
		var taken int64
		taken, err = b.one(ctx, v, p, kind, bomb, measure)
		least = min(least, taken)
	}
	return least, err
}

// bomb is a compressed message of zeros. Each MiB of it is the same bytes.
func (b *inflateCommand) bomb() ([]byte, error) {
	var mib bytes.Buffer
	w, err := flate.NewWriter(&mib, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	all := bytes.Repeat(mib.Bytes(), b.MiB)
	return all[:len(all)-4], nil // RFC 7692 7.2.1
}

// one sends one message on a connection of its own, and returns what was measured from
// before it until it was refused.
func (b *inflateCommand) one(ctx context.Context, v *verdict, p *process, kind bombKind, bomb []byte, measure func(earlier, later stats) int64) (taken int64, err error) {
	c, err := connect(ctx, p.addr)
	if err != nil {
		return 0, err
	}
	defer c.reset()
	offer := "permessage-deflate; client_no_context_takeover"
	if kind.takeover {
		offer = "permessage-deflate"
	}
	if _, err := wire.HandshakeOffering(c.Conn, p.addr, "/", offer); err != nil {
		return 0, err
	}
	key := [4]byte{9, 8, 7, 6}
	if kind.takeover {
		before, err := wire.Deflate(bytes.Repeat([]byte("before "), 100), 15)
		if err != nil {
			return 0, err
		}
		if _, err := c.Write(wire.AppendDeflated(nil, wire.Text, key, before)); err != nil {
			return 0, err
		}
		if _, _, err := c.receive(); err != nil {
			return 0, err
		}
	}
	earlier, err := p.glance()
	if err != nil {
		return 0, err
	}
	code, err := kind.send(c, key, bomb)
	v.expect(err == nil && code == 1009, "%s: close code %d, %v", kind.name, code, err)
	later, err := p.glance()
	return measure(earlier, later), err
}

// watch notes the most bytes of buffers that were lent at once.
func watch(srv *server.Server, n *counters) {
	go func() {
		for {
			now := srv.Stats().BufferBytes
			for most := n.peak.Load(); now > most && !n.peak.CompareAndSwap(most, now); most = n.peak.Load() {
			}
		}
	}()
}

// send sends a message and awaits the Close frame.
func (kind bombKind) send(c *client, key [4]byte, bomb []byte) (code uint16, err error) {
	var out []byte
	if kind.fragment == 0 {
		out = wire.AppendDeflated(nil, wire.Binary, key, bomb)
	} else {
		for rest, opcode := bomb, wire.Binary|rsv1; len(rest) > 0; opcode = wire.Continuation {
			part := rest[:min(len(rest), kind.fragment)]
			rest = rest[len(part):]
			out = wire.AppendFrame(out, len(rest) == 0, byte(opcode), key, part)
		}
	}
	// That not all can be sent to a connection that closes is well.
	_, _ = c.Write(out)
	_, opcode, payload, err := wire.ReadFrame(c.in)
	if err != nil {
		return 0, err
	}
	if opcode != wire.Close || len(payload) < 2 {
		return 0, fmt.Errorf("opcode %#x with %d bytes", opcode, len(payload))
	}
	return binary.BigEndian.Uint16(payload), nil
}

// rsv1 in a frame's opcode marks a compressed message (RFC 7692 6).
const rsv1 = 0x40
