//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// controlCommand sends floods of pings that it does not read the answers of, and
// closes in every way there is. Broken, a server queues pongs without a bound and
// takes any close code.
type controlCommand struct {
	scale
	way
	Pings int `default:"1000000" help:"Pings of 125 bytes, unless the server stops reading."`
	Step  int `default:"1" help:"Between two close codes."`
}

// controlPending is the server's bound on pending bytes. controlGrowth is what a
// client that floods may cost: the pongs up to that bound, the pings of the read
// that was the last, and as much for the buffers that both are in.
const controlPending, controlGrowth = 64 << 10, 256 << 10

func (b *controlCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Pings, b.Step = 70000, 500
	}
	v := new(verdict)
	// The limit on their rate would end the flood before it has shown anything.
	set := setup{Program: "echo", Limits: server.Limits{Limits: conn.Limits{MaxPending: controlPending, ControlFramesPerSecond: -1}}}
	if b.Break {
		set = setup{Faulty: "careless"}
	}
	var flood string
	codes := 0
	err := withServer(ctx, v, set, func(p *process) (err error) {
		if flood, err = b.flood(ctx, v, p); err != nil {
			return err
		}
		if codes, err = b.codes(ctx, v, p.addr); err != nil {
			return err
		}
		return b.misbehave(ctx, v, p.addr)
	})
	if err != nil {
		return err
	}
	return v.finish("%s; %d close codes answered as RFC 6455 7.4 says", flood, codes)
}

// flood sends pings for as long as they are taken, and reads only then.
func (b *controlCommand) flood(ctx context.Context, v *verdict, p *process) (string, error) {
	c, err := open(ctx, p.addr, "/")
	if err != nil {
		return "", err
	}
	defer c.reset()
	// The kernel should take little, so that the server has to decide.
	if err := c.tcp.SetReadBuffer(32 << 10); err != nil {
		return "", err
	}
	before, err := p.stats()
	if err != nil {
		return "", err
	}
	sent, err := c.writePings(b.Pings)
	if err != nil {
		return "", err
	}
	// While the server still takes in what the kernel holds, there may be garbage.
	var grown int64
	_, err = eventually(ctx, 5*time.Second, func() (bool, error) {
		held, err := p.stats()
		grown = held.Heap - before.Heap
		return grown <= controlGrowth, err
	})
	if err != nil {
		return "", err
	}
	v.expect(grown <= controlGrowth, "the heap grew by %d B", grown)

	// Pongs may be left out, as RFC 6455 5.5.3 allows, but not the newest, and they
	// keep their order.
	pongs, last := 0, -1
	for last < sent-1 {
		if err := c.extend(patience); err != nil {
			return "", err
		}
		opcode, payload, err := c.receive()
		if err != nil || opcode != wire.Pong || len(payload) != 125 {
			v.miss("after %d pongs: opcode %#x with %d bytes, %v", pongs, opcode, len(payload), err)
			break
		}
		number := int(binary.BigEndian.Uint32(payload))
		v.expect(number > last, "pong %d behind pong %d", number, last)
		last = number
		pongs++
	}
	return fmt.Sprintf("%d of %d pings taken from a client that does not read, heap grew by %d B (bar: %d B), %d pongs",
		sent, b.Pings, grown, controlGrowth, pongs), nil
}

// writePings sends n numbered pings, or fewer if for two seconds none is taken, and
// returns how many. What it began to write it ends with time: a ping that is cut would
// spoil what follows, and after a deadline TLS writes nothing more.
func (c *client) writePings(n int) (sent int, err error) {
	var begun atomic.Int64
	stop, ended := make(chan struct{}), make(chan error, 1)
	defer close(stop)
	go func() { ended <- c.ping(n, &begun, stop) }()
	for last := int64(0); ; last = begun.Load() {
		if err := c.extend(patience); err != nil {
			return 0, err
		}
		select {
		case err := <-ended:
			return int(begun.Load()), err
		case <-time.After(2 * time.Second):
			if now := begun.Load(); now == last {
				return int(now), nil
			}
		}
	}
}

// ping sends numbered pings until stop is closed.
func (c *client) ping(n int, begun *atomic.Int64, stop <-chan struct{}) error {
	payload := make([]byte, 125)
	var out []byte
	for i := range n {
		select {
		case <-stop:
			return nil
		default:
		}
		begun.Store(int64(i + 1))
		binary.BigEndian.PutUint32(payload, uint32(i))
		out = wire.AppendFrame(out[:0], true, wire.Ping, [4]byte{9, 8, 7, 6}, payload)
		if _, err := c.Write(out); err != nil {
			return err
		}
	}
	return nil
}

// onWire tells whether RFC 6455 7.4, with the codes registered since, lets a Close
// frame carry the code.
func onWire(code int) bool {
	switch {
	case code >= 3000:
		return code <= 4999
	case code >= 1007:
		return code <= 1014
	default:
		return code >= 1000 && code <= 1003
	}
}

// codes closes with every code: those allowed are echoed, others are answered
// with 1002.
func (b *controlCommand) codes(ctx context.Context, v *verdict, addr string) (n int, err error) {
	edges := []int{999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535}
	for code := 0; code <= 5000; code += b.Step {
		edges = append(edges, code)
	}
	err = each(ctx, len(edges), 8, func(ctx context.Context, i int) error {
		code := edges[i]
		want := uint16(1002)
		if onWire(code) {
			want = uint16(code)
		}
		return b.closing(ctx, v, addr, fmt.Sprintf("code %d", code), want,
			oneFrame(wire.Close, binary.BigEndian.AppendUint16(nil, uint16(code))))
	})
	return len(edges), err
}

func oneFrame(opcode byte, payload []byte) []byte {
	return wire.AppendFrame(nil, true, opcode, [4]byte{1, 2, 3, 4}, payload)
}

// misbehave closes in other ways that are wrong.
func (b *controlCommand) misbehave(ctx context.Context, v *verdict, addr string) error {
	normal := oneFrame(wire.Close, []byte{0x03, 0xe8})
	for _, one := range []struct {
		name string
		want uint16
		sent []byte
	}{
		{"data after Close", 1000, append(bytes.Clone(normal), oneFrame(wire.Text, []byte("too late"))...)},
		{"double Close", 1000, append(bytes.Clone(normal), normal...)},
		{"Close without a code", 0, oneFrame(wire.Close, nil)},
		{"Close of one byte", 1002, oneFrame(wire.Close, []byte{0x03})},
		{"Close with a reason that is no UTF-8", 1007, oneFrame(wire.Close, []byte{0x03, 0xe8, 0xff})},
		{"Close of 126 bytes", 1002, oneFrame(wire.Close, append([]byte{0x03, 0xe8}, make([]byte, 124)...))},
	} {
		if err := b.closing(ctx, v, addr, one.name, one.want, one.sent); err != nil {
			return err
		}
	}
	return nil
}

// closing sends bytes on a new connection and wants a Close frame with the code,
// then the end: nothing is answered to what comes behind a Close.
func (b *controlCommand) closing(ctx context.Context, v *verdict, addr, name string, want uint16, sent []byte) error {
	c, err := open(ctx, addr, "/")
	if err != nil {
		return err
	}
	defer c.reset()
	if _, err := c.Write(sent); err != nil {
		return err
	}
	code, err := c.awaitCode()
	v.expect(err == nil && code == want, "%s: answered with %d, want %d, %v", name, code, want, err)
	if err != nil {
		return nil
	}
	// After a fault of the client's the server may reset, since it reads no more.
	if _, err := io.Copy(io.Discard, c.in); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		v.miss("%s: the end: %v", name, err)
	}
	return nil
}
