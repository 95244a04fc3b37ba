//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// contentionCommand has many goroutines of the server's send to, ping, ask and close the
// same connections, and some of them publish, which is to send the same to all. The
// clients meanwhile send themselves. Both processes must have the race detector: its
// report ends a process with a status of its own. Broken, the program counts without a
// lock.
type contentionCommand struct {
	scale
	way
	Conns  int `default:"1000" help:"Connections."`
	Rounds int `default:"3" help:"How often each goroutine goes round all connections."`
}

// contenders is how many goroutines there are, publishers how many of them publish.
const contenders, publishers = 64, 16

var errNoRaceDetector = errors.New("without the race detector this shows nothing: go run -race ./bench/reliability contention")

func (b *contentionCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if !raceDetector {
		return errNoRaceDetector
	}
	if b.Short {
		b.Conns, b.Rounds = 50, 3
	}
	v := new(verdict)
	var frames atomic.Int64
	for _, dispatch := range b.dispatches() {
		set := setup{Program: either(b.scale, "contention", "racing"), Dispatch: dispatch, Quiet: b.Break,
			Limits: server.Limits{Limits: conn.Limits{MaxPending: 8 << 20, ControlFramesPerSecond: -1}}}
		err := withServer(ctx, v, set, func(p *process) error { return b.gather(ctx, v, p, &frames) })
		if err != nil {
			return err
		}
	}
	return v.finish("%d goroutines sent to, pinged and closed %d connections, and %d of them published, %d rounds, callbacks in each of three ways: %d frames, each goroutine's in its order, nothing published missing, one close callback each, no report of the race detector",
		contenders, b.Conns, publishers, b.Rounds, frames.Load())
}

func (b *contentionCommand) gather(ctx context.Context, v *verdict, p *process, frames *atomic.Int64) error {
	before, err := p.stats()
	if err != nil {
		return err
	}
	clients, err := openAll(ctx, p.addr, b.Conns)
	defer func() { closeAll(clients) }()
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() {
			n, err := c.underContention(uint32(b.Rounds))
			frames.Add(int64(n))
			v.expect(err == nil, "connection %d after %d frames: %v", i, n, err)
		})
	}
	starter, err := open(ctx, p.addr, "/start")
	if err != nil {
		return err
	}
	clients = append(clients, starter)
	if err := starter.send(wire.Binary, binary.BigEndian.AppendUint32(nil, uint32(b.Rounds))); err != nil {
		return err
	}
	group.Wait()
	closeAll(clients)
	after, err := p.settle(ctx, before)
	if err != nil {
		return err
	}
	all := int64(b.Conns) + 1
	v.expect(after.Opened == all && after.Closed == all && after.Twice == 0, "%d close callbacks of %d connections, %d came twice", after.Closed, all, after.Twice)
	return nil
}

// heard is the number of the last message that came from each goroutine: odd if it was
// published, and so sent to all. published has the last of those.
type heard struct {
	last      [contenders]uint32
	published [publishers]uint32
}

// note takes in a message, which must be in order behind its goroutine's others. What is
// published has no gap, for a client that was there at its beginning.
func (h *heard) note(from, number uint32) error {
	if number <= h.last[from] {
		return fmt.Errorf("goroutine %d: %d behind %d", from, number, h.last[from])
	}
	h.last[from] = number
	if number%2 == 0 {
		return nil
	}
	if from >= publishers {
		return fmt.Errorf("goroutine %d: published %d", from, number)
	}
	if before := h.published[from]; before != 0 && number != before+2 {
		return fmt.Errorf("goroutine %d: published %d behind %d", from, number, before)
	}
	h.published[from] = number
	return nil
}

// whole tells whether everything published has come to its end.
func (h *heard) whole(rounds uint32) error {
	for from, number := range h.published {
		if number != 2*rounds-1 {
			return fmt.Errorf("goroutine %d: the last published is %d of %d", from, number, 2*rounds-1)
		}
	}
	return nil
}

// underContention reads what comes until the server closes, answering pings and some of
// the rest, and wants what each goroutine sends to be in order.
func (c *client) underContention(rounds uint32) (n int, err error) {
	var h heard
	for within := false; ; {
		// A thousand clients beside it, and the race detector, may take the CPU for long.
		if err := c.extend(4 * patience); err != nil {
			return n, err
		}
		final, opcode, payload, err := wire.ReadFrame(c.in)
		if err != nil {
			return n, err
		}
		n++
		if opcode < wire.Close {
			if within != (opcode == wire.Continuation) {
				return n, fmt.Errorf("opcode %#x, within a message: %v", opcode, within)
			}
			within = !final
		}
		switch {
		case opcode == wire.Close:
			// The server may have cut its end by now.
			_ = c.send(wire.Close, payload[:min(2, len(payload))])
			if string(payload) == string(farewell) {
				return n, h.whole(rounds)
			}
			return n, nil // too early
		case opcode == wire.Ping:
			// From here on a write may fail since the server closes: reading tells.
			_ = c.send(wire.Pong, payload)
		case opcode == wire.Binary && len(payload) >= 8:
			from, number := binary.BigEndian.Uint32(payload)%contenders, binary.BigEndian.Uint32(payload[4:])
			if err := h.note(from, number); err != nil {
				return n, err
			}
			if (from+number)%8 == 0 {
				_ = c.send(wire.Text, []byte("meanwhile"))
			}
		}
	}
}

// contend is the program: when a client asks for it, the goroutines go round all
// connections, and then close them.
func contend(srv *server.Server, n *counters) {
	contendWith(srv, n, func() {})
}

// contendRacing is broken: the goroutines share a count without a lock.
func contendRacing(srv *server.Server, n *counters) {
	shared := 0
	contendWith(srv, n, func() { shared++ })
}

func contendWith(srv *server.Server, n *counters, each func()) {
	closeOnce(srv, n)
	srv.OnConnection = func(c *conn.Conn) {
		n.opened.Add(1)
		if path(c.Request()) == "/start" {
			c.OnMessage(func(_ *conn.Conn, m conn.Message) {
				rounds := binary.BigEndian.Uint32(m.Payload)
				rest := new(sync.WaitGroup)
				rest.Add(contenders)
				for g := range contenders {
					go goRound(srv, uint32(g), rounds, rest, each)
				}
			})
		}
	}
}

// enough is why a connection is closed when all rounds are over, and farewell the Close
// frame's content then: 1000 and that.
const enough = "enough"

var farewell = []byte("\x03\xe8" + enough)

// goRound is one of the goroutines. When the rest has gone its rounds too, all close
// all.
func goRound(srv *server.Server, g, rounds uint32, rest *sync.WaitGroup, each func()) {
	r := rand.New(rand.NewPCG(uint64(g), 1))
	for round := range rounds {
		if g < publishers {
			publish(srv, g, 2*round+1)
		}
		for c := range srv.Clients() {
			each()
			mingle(c, r, g, 2*round+2)
		}
	}
	rest.Done()
	rest.Wait()
	for c := range srv.Clients() {
		_ = c.Close(1000, enough)
	}
}

// publish sends one message to all clients.
func publish(srv *server.Server, g, number uint32) {
	payload := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, g), number)
	for c := range srv.Clients() {
		_ = c.SendBinary(payload) // it may be closing
	}
}

// mingle does something with a connection. That it is closing, by another
// goroutine, is what its errors say.
func mingle(c *conn.Conn, r *rand.Rand, g, number uint32) {
	payload := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 0, 64), g), number)
	switch r.IntN(32) {
	case 0: // at once, past the queue, if the socket takes it
		_ = c.SendBinary(append(payload, make([]byte, 70<<10)...))
	case 1, 2, 3, 4:
		_ = c.Ping(payload)
	case 5, 6, 7, 8:
		if w, err := c.NewWriter(conn.Binary); err == nil {
			_, _ = w.Write(payload)
			_ = w.Flush()
			_, _ = w.Write([]byte("and more"))
			_ = w.Close()
		}
	case 9, 10, 11, 12:
		_, _ = c.State(), c.Pending()
		_, _ = c.Request()
		c.OnPong(func(*conn.Conn, []byte) {})
	case 13:
		if r.IntN(200) == 0 {
			_ = c.Close(1001, "too early")
		}
	default:
		_ = c.SendBinary(payload)
	}
}
