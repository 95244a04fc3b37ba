//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// cutsCommand sends one session, from the request to the Close frame, whole, cut at
// every offset, and a byte at a time, over a simulated network that keeps the cuts.
// Broken, the program takes each piece of a message that it reads for a message; or, to
// show that the cost is seen, it looks through all that has come with each message.
type cutsCommand struct {
	scale
	security
	Messages int     `default:"2000" help:"Messages of the longest session sent a byte at a time; the others have a half and a quarter."`
	Slack    float64 `default:"1.5" help:"How much dearer a byte may be in a session that is longer."`
	Hoarding bool    `hidden:"" help:"The program looks through all messages so far with each: its cost is not linear, and the bar must be missed."`
}

func (b *cutsCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Messages = 200
	}
	v := new(verdict)
	session := cutSession(1)
	want, err := b.replay(session, len(session))
	if err != nil {
		return err
	}
	v.expect(strings.Count(want, "message") >= 6 && strings.Contains(want, "closed"), "the uncut session: %s", want)
	for at := 1; at < len(session) && ctx.Err() == nil; at++ {
		got, err := b.replay(session, at, len(session)-at)
		if err != nil {
			return err
		}
		v.expect(got == want, "cut at %d: %s, want %s", at, got, want)
	}
	got, err := b.replay(session, slices.Repeat([]int{1}, len(session))...)
	if err != nil {
		return err
	}
	v.expect(got == want, "a byte at a time: %s, want %s", got, want)

	costs, err := b.costs(ctx)
	if err != nil {
		return err
	}
	dearer := float64(slices.Max(costs)) / float64(costs[0])
	v.measure(dearer <= b.Slack, "a byte costs %v in sessions of a quarter, a half and all of the length", costs)
	return v.finish("%d bytes cut at each of %d offsets, and a byte at a time: the same events; a byte costs %v in sessions of 1, 2 and 4 times the length",
		len(session), len(session)-1, costs)
}

var koopman = crc32.MakeTable(crc32.Koopman)

// costs is the CPU that a byte costs when it comes alone, in sessions that are longer and
// longer: each the least of a few attempts, since a busy machine's caches are cold. The
// simulation runs on one thread, whose clock does not count what others do.
func (b *cutsCommand) costs(ctx context.Context) (costs []time.Duration, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, part := range []int{4, 2, 1} {
		session := cutSession(max(1, b.Messages/part/6))
		ones := slices.Repeat([]int{1}, len(session))
		least := time.Duration(1<<63 - 1)
		for range 5 {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			began, err := threadCPU()
			if err != nil {
				return nil, err
			}
			if _, err := b.replay(session, ones...); err != nil {
				return nil, err
			}
			ended, err := threadCPU()
			if err != nil {
				return nil, err
			}
			least = min(least, (ended-began)/time.Duration(len(session)))
		}
		costs = append(costs, least)
	}
	return costs, nil
}

// threadCPU is what the thread that asks has used.
func threadCPU() (time.Duration, error) {
	var at unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at)
	return time.Duration(at.Nano()), err
}

// cutSession is what a client sends: a request, messages of every shape n times, and
// a Close frame.
func cutSession(n int) []byte {
	var b bytes.Buffer
	b.Write(wire.Request("server.test", "/room?name=ann"))
	frame := func(fin bool, opcode byte, payload string) {
		b.Write(wire.AppendFrame(nil, fin, opcode, [4]byte{1, 2, 3, 4}, []byte(payload)))
	}
	for range n {
		frame(true, wire.Text, "hello, \u4e16\u754c \U0001F600")
		frame(true, wire.Binary, "")
		frame(true, wire.Ping, "are you there?")
		frame(false, wire.Text, "in \u00fcber\xe4")
		frame(true, wire.Ping, "")
		frame(false, wire.Continuation, "\xb8")
		frame(true, wire.Continuation, "\x96 fragments")
		frame(true, wire.Pong, "unasked")
		frame(false, wire.Binary, "")
		frame(true, wire.Continuation, "\xff\xfe")
		frame(true, wire.Text, strings.Repeat("x", 126))
		frame(true, wire.Binary, strings.Repeat("\x00", 300))
	}
	frame(true, wire.Close, "\x03\xe8done")
	return b.Bytes()
}

// replay sends a session in pieces of those sizes and returns all that the callbacks
// and the client saw.
func (b *cutsCommand) replay(session []byte, pieces ...int) (trace string, err error) {
	var log strings.Builder
	srv := &server.Server{Loops: 1, Logger: slog.New(slog.DiscardHandler)}
	if b.TLS {
		srv.TLSConfig = testcert.Config()
	}
	srv.OnConnection = func(c *conn.Conn) {
		r, _ := c.Request()
		fmt.Fprintf(&log, "connection %s\n", r.URL)
	}
	var kept []byte
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		fmt.Fprintf(&log, "message %d %q\n", m.Type, m.Payload)
		if b.Hoarding {
			kept = append(kept, m.Payload...)
			for range 100 { // so that it outweighs the rest
				_ = crc32.Checksum(kept, koopman)
			}
		}
		_ = c.SendMessage(m)
	}
	srv.OnPong = func(_ *conn.Conn, p []byte) { fmt.Fprintf(&log, "pong %q\n", p) }
	srv.OnClose = func(_ *conn.Conn, info conn.CloseInfo) { fmt.Fprintf(&log, "closed %v\n", info) }
	if b.Break {
		srv.OnMessage = nil
		srv.OnStream = func(_ *conn.Conn, r *conn.Reader) {
			for p := make([]byte, 1024); ; {
				n, err := r.Read(p)
				if err != nil {
					return
				}
				fmt.Fprintf(&log, "message %q\n", p[:n])
			}
		}
	}
	sim := servertest.New(1, srv)
	c := sim.DialWith(servertest.Request{Raw: session[:pieces[0]]})
	c.Manual()
	sim.Settle()
	for at, next := pieces[0], 1; next < len(pieces); next++ {
		c.Write(session[at : at+pieces[next]])
		at += pieces[next]
		sim.Settle()
	}
	for m, ok := c.Next(); ok; m, ok = c.Next() {
		fmt.Fprintf(&log, "client reads %d %q\n", m.Type, m.Payload)
	}
	closing, _ := c.Closed()
	fmt.Fprintf(&log, "client reads pongs %q, %v, %v\n", c.Pongs(), closing, errors.Is(c.End(), io.EOF))
	return log.String(), sim.Close()
}
