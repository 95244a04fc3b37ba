//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// leaksCommand lets clients live and end in every way there is, good and bad, and then
// counts what the server still holds. Broken, the program keeps what it was given.
type leaksCommand struct {
	scale
	way
	Count   int    `default:"20000" help:"Lives, with each Dispatch."`
	Seed    uint64 `default:"1" help:"Of the kinds of life."`
	Workers int    `default:"16" help:"How many at a time."`
}

// leaksHandshake is how long a handshake may take: long, on a busy machine.
const leaksHandshake = 10 * time.Second

func (b *leaksCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Count = 600
		if b.TLS {
			b.Count = 150
		}
	}
	v := new(verdict)
	var figure string
	for _, dispatch := range b.dispatches() {
		set := setup{Program: either(b.scale, "mixed", "leaky"), Dispatch: dispatch, Pages: true, Deflate: leaksDeflate,
			Limits: server.Limits{Limits: conn.Limits{CloseTimeout: time.Second}, HandshakeTimeout: leaksHandshake}}
		err := withServer(ctx, v, set, func(p *process) (err error) {
			figure, err = b.live(ctx, v, p)
			return err
		})
		if err != nil {
			return err
		}
	}
	return v.finish("%d lives of %d kinds, callbacks in each of three ways; %s", b.Count, len(b.kinds()), figure)
}

func (b *leaksCommand) live(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	// One of each first: net/http and the pools keep what they make only once.
	kinds := b.kinds()
	err = each(ctx, len(kinds), b.Workers, func(ctx context.Context, i int) error {
		return b.one(ctx, v, p.addr, kinds[i], rand.New(rand.NewPCG(b.Seed, uint64(i))))
	})
	if err != nil {
		return "", err
	}
	before, err := p.settleAll(ctx, stats{})
	if err != nil {
		return "", err
	}
	err = each(ctx, b.Count, b.Workers, func(ctx context.Context, i int) error {
		r := rand.New(rand.NewPCG(b.Seed, uint64(1000+i)))
		return b.one(ctx, v, p.addr, kinds[r.IntN(len(kinds))], r)
	})
	if err != nil {
		return "", err
	}
	after, err := p.settleAll(ctx, before)
	if err != nil {
		return "", err
	}
	for _, held := range []struct {
		what          string
		before, after int64
	}{
		{"goroutines", int64(before.Goroutines), int64(after.Goroutines)},
		{"descriptors", int64(before.Descriptors), int64(after.Descriptors)},
		{"descriptors watched by epoll", int64(before.Watched), int64(after.Watched)},
		{"buffers lent", 0, after.Buffers},
		{"timers", 0, int64(after.Timers)},
	} {
		v.expect(held.after <= held.before, "%s: %d before, %d after", held.what, held.before, held.after)
	}
	v.expect(after.Opened == after.Closed, "%d connections opened, %d closed", after.Opened, after.Closed)
	return fmt.Sprintf("goroutines %d, then %d; descriptors %d, then %d; watched %d, then %d; buffers lent %d; timers %d",
		before.Goroutines, after.Goroutines, before.Descriptors, after.Descriptors, before.Watched, after.Watched, after.Buffers, after.Timers), nil
}

func (b *leaksCommand) one(ctx context.Context, v *verdict, addr string, life lifeOfAKind, r *rand.Rand) error {
	start := connectFrom
	if life.below {
		start = connectTCP
	}
	c, err := start(ctx, netip.Addr{}, addr)
	if err != nil {
		return err
	}
	defer c.reset()
	err = life.live(c, addr, r)
	v.expect(err == nil, "%s: %v", life.name, err)
	return nil
}

// settleAll is settle for all that the server holds.
func (p *process) settleAll(ctx context.Context, before stats) (s stats, err error) {
	last, same, enough := stats{}, 0, 250 // rounds of 20 ms: a client that stands still has some seconds
	if before == last {
		enough = 100
	}
	_, err = eventually(ctx, patience, func() (bool, error) {
		if s, err = p.stats(); err != nil {
			return false, err
		}
		now := s
		now.Heap, now.Mallocs, now.Allocated, now.CPU = 0, 0, 0, 0
		if same++; now != last {
			last, same = now, 0
		}
		quiet := s.Opened == s.Closed && s.Buffers == 0 && s.Timers == 0
		return quiet && (s.Goroutines <= before.Goroutines && s.Descriptors <= before.Descriptors && s.Watched <= before.Watched || same >= enough), nil
	})
	return s, err
}

// lifeOfAKind is what a client does from its connection on, which is reset behind it.
type lifeOfAKind struct {
	name  string
	live  func(c *client, addr string, r *rand.Rand) error
	below bool // of TLS
}

// kinds are all there are.
func (b *leaksCommand) kinds() []lifeOfAKind {
	if b.TLS {
		return slices.Concat(livesOfAllKinds, livesBelowTLS)
	}
	return livesOfAllKinds
}

// opened is a life that begins with a handshake.
func opened(path string, live func(c *client, r *rand.Rand) error) func(*client, string, *rand.Rand) error {
	return func(c *client, addr string, r *rand.Rand) error {
		if err := c.handshake(addr, path); err != nil {
			return err
		}
		return live(c, r)
	}
}

// refusedWith sends a frame that is against the rules, and wants that code.
func refusedWith(code uint16, frames ...[]byte) func(*client, *rand.Rand) error {
	return func(c *client, _ *rand.Rand) error {
		if _, err := c.Write(bytes.Join(frames, nil)); err != nil {
			return err
		}
		got, err := c.awaitCode()
		if err == nil && got != code {
			err = fmt.Errorf("closed with %d, not %d", got, code)
		}
		return err
	}
}

// answered sends a request and reads all of the answer.
func answered(request string) func(*client, string, *rand.Rand) error {
	return func(c *client, _ string, _ *rand.Rand) error {
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, c.in)
		return err
	}
}

var lifeKey = [4]byte{0x10, 0x20, 0x30, 0x40}

var livesOfAllKinds = append(compressedLives, []lifeOfAKind{
	{name: "comes and goes", live: func(*client, string, *rand.Rand) error { return nil }},
	{name: "half a request", live: func(c *client, addr string, r *rand.Rand) error {
		request := wire.Request(addr, "/")
		_, err := c.Write(request[:1+r.IntN(len(request)-2)])
		return err
	}},
	{name: "a page", live: answered(plain("Connection: close"))},
	{name: "a request that is refused", live: answered(upgrade("Host: again"))},
	{name: "a request that is no HTTP", live: answered("\x16\x03\x01\x02\x00\r\n\r\n")},
	{name: "echo and Close", live: opened("/", func(c *client, r *rand.Rand) error {
		if err := c.echo(wire.Payload(r.IntN(2000), 1)); err != nil {
			return err
		}
		return errors.Join(c.send(wire.Close, []byte{0x03, 0xe8}), c.awaitNormal())
	})},
	{name: "a large echo", live: opened("/", func(c *client, r *rand.Rand) error { return c.echo(wire.Payload(100_000+r.IntN(100_000), 2)) })},
	{name: "opens and is reset", live: opened("/", func(*client, *rand.Rand) error { return nil })},
	{name: "ends its side alone", live: opened("/", func(c *client, _ *rand.Rand) error {
		if err := c.closeWrite(); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, c.in)
		return err
	})},
	{name: "reset within a message", live: opened("/", func(c *client, r *rand.Rand) error {
		frame := wire.AppendFrame(nil, false, wire.Binary, lifeKey, make([]byte, 50_000))
		_, err := c.Write(frame[:1+r.IntN(len(frame)-1)])
		return err
	})},
	{name: "does not read", live: opened("/pour", func(c *client, _ *rand.Rand) error {
		if err := c.send(wire.Text, []byte("pour")); err != nil {
			return err
		}
		_, err := c.in.ReadByte()
		return err
	})},
	{name: "pings", live: opened("/", func(c *client, _ *rand.Rand) error { return c.pingPong() })},
	{name: "a frame that is not masked", live: opened("/", refusedWith(1002, []byte{0x81, 1, 'x'}))},
	{name: "text that is no UTF-8", live: opened("/", refusedWith(1007, oneFrame(wire.Text, []byte{0xff})))},
	{name: "a message too big", live: opened("/", refusedWith(1009, []byte{0x82, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4}))},
	{name: "is closed by the program", live: opened("/close", refusedWith(4000, oneFrame(wire.Text, []byte("now"))))},
	{name: "a callback that panics", live: opened("/panic", refusedWith(1011, oneFrame(wire.Text, []byte("now"))))},
	{name: "a stream that is not read to its end", live: opened("/stream", func(c *client, _ *rand.Rand) error {
		if _, err := c.Write(wire.AppendFrame(nil, false, wire.Text, lifeKey, wire.Payload(3000, 3))); err != nil {
			return err
		}
		return c.pingPong()
	})},
	{name: "a Writer that is left open", live: opened("/writer", func(c *client, _ *rand.Rand) error {
		if err := c.send(wire.Text, []byte("now")); err != nil {
			return err
		}
		_, err := c.in.ReadByte()
		return err
	})},
}...)

// awaitNormal wants the answer to a Close with 1000.
func (c *client) awaitNormal() error {
	code, err := c.awaitClose()
	if err == nil && code != 1000 {
		err = fmt.Errorf("answered with %d", code)
	}
	return err
}

// mixed is the program, which does what the request's path says.
func mixed(srv *server.Server, n *counters) {
	srv.OnConnection = func(c *conn.Conn) {
		n.opened.Add(1)
		switch path(c.Request()) {
		case "/pour":
			c.OnMessage(func(c *conn.Conn, _ conn.Message) {
				for range 10 {
					_ = c.SendBinary(make([]byte, 100_000))
				}
			})
		case "/close":
			c.OnMessage(func(c *conn.Conn, _ conn.Message) { _ = c.Close(4000, "as asked") })
		case "/panic":
			c.OnMessage(func(*conn.Conn, conn.Message) { panic(errMeant) })
		case "/stream":
			c.OnStream(func(_ *conn.Conn, r *conn.Reader) { _, _ = r.Read(make([]byte, 10)) })
		case "/writer":
			c.OnMessage(func(c *conn.Conn, _ conn.Message) {
				if w, err := c.NewWriter(conn.Text); err == nil {
					_, _ = io.WriteString(w, "never ended")
					_ = w.Flush()
				}
			})
		}
	}
}
