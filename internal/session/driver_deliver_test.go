package session

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// A message that is delivered at once leaves all as SendPrepared and a turn of the loop do, wherever the
// transport refuses it, whatever the policy, and whatever waits. So it does over a transport that holds bytes back, on a
// client's connection, and with callbacks on goroutines.
func TestDeliver_LeavesWhatSendPreparedLeaves(t *testing.T) {
	payload := []byte(twice(1))
	for _, on := range []struct {
		name     string
		step     int // of the room
		holds    bool
		role     frame.Role
		dispatch Dispatch
	}{
		{name: "server", step: 1},
		{name: "holder", step: 7, holds: true},
		{name: "client", step: 21, role: frame.Client},
		{name: "goroutines", step: 21, dispatch: OnGoroutines},
	} {
		for _, overflow := range []Overflow{OverflowClose, OverflowRefuse, OverflowDropOldest, OverflowLatest} {
			for _, params := range []*deflate.Params{nil, &takeover} {
				for before := range 4 { // nothing, a message that waits, a Close frame, and a message that was sent
					for room := -1; room <= len(payload)+3; room += on.step {
						p := prepare(t, Outgoing{Type: Text, Payload: payload, Key: "k"})
						cfg := Config{Role: on.role, Dispatch: on.dispatch, Overflow: overflow, MaxPending: 200, Deflate: Deflate{Threshold: 1}}
						at, want := "", ""
						for i, send := range []func(*Conn, *Prepared) error{(*Conn).SendPrepared, Deliver} {
							got := leaves(t, cfg, on.holds, params, before, room, func(c *Conn) error { return send(c, p) })
							if i == 0 {
								at, want = fmt.Sprint(on.name, overflow, params != nil, before, room), got
							} else if got != want {
								t.Errorf("%s:\n%s\nwant\n%s", at, got, want)
							}
						}
					}
				}
			}
		}
	}
}

// twice is a text that is shorter when it is compressed.
func twice(seed uint64) string {
	s := prose(rand.New(rand.NewPCG(1, seed)), 30)
	return s + s
}

// leaves is what a message that is sent leaves: on the wire, in the counters, and for the loop.
func leaves(t *testing.T, cfg Config, holds bool, params *deflate.Params, before, room int, send func(*Conn) error) string {
	drained := 0
	if cfg.Dispatch != OnGoroutines { // which call it later
		cfg.Handlers.Drained = func(*Conn) { drained++ }
	}
	r := newRig(t, cfg)
	if holds {
		r.c.transport = &holding{wire: r.wire}
	}
	r.d.Open(Opening{Response: []byte("HTTP/1.1 101\r\n\r\n"), Deflate: params})
	r.eventually("the Open callback's end", func() bool { return !r.c.held() && r.read })
	_ = r.wire.take()
	written := func() string {
		b := r.wire.take()
		if cfg.Role == frame.Client { // its masking keys are random
			return fmt.Sprint(len(b), " bytes")
		}
		return string(b)
	}
	r.advance(10 * time.Second)
	switch before {
	case 1:
		_ = r.c.SendText("before")
	case 2:
		_ = r.c.Close(frame.GoingAway, "")
	case 3:
		_ = r.c.SendText(twice(2))
		r.turn()
		_ = r.wire.take()
	}
	r.wire.room = room
	err := send(r.c)
	r.turn()
	story := fmt.Sprintf("%v, %q, %d pending, read %v, write %v, timer %v, sent %v\n", err, written(), r.c.Pending(), r.read, r.write, r.due, r.d.sent)
	err = nil
	for range 3 {
		if err = errors.Join(err, send(r.c)); holds {
			r.turn() // or a message that waits can be dropped, and one that is held back cannot
		}
	}
	r.turn()
	messages, bytes := r.c.Dropped()
	story += fmt.Sprintf("%v, %d and %d dropped\n", err, messages, bytes)
	r.wire.room = -1
	if r.closed == 0 {
		r.d.Writable()
	}
	r.turn()
	_ = r.c.SendText(twice(1)) // it refers to what was sent
	r.turn()
	return story + fmt.Sprintf("%q, %d drained, %v", written(), drained, r.counters())
}

// What is delivered at once is part of what later compressed messages refer to.
func TestDeliver_KeepsTheReceiversContext(t *testing.T) {
	own, shared := prose(rand.New(rand.NewPCG(1, 2)), 3000), prose(rand.New(rand.NewPCG(3, 4)), 3000)
	p := prepare(t, Outgoing{Type: Text, Payload: []byte(shared)})
	r := deflateRig(t, Config{}, takeover)
	peer := newDeflatePeer(t, r)
	sent := func(text string, err error) int {
		t.Helper()
		expect(t, "send", err, nil)
		r.turn()
		b := r.wire.take()
		expect(t, "messages", slices.Equal(peer.take(b), []string{text}), true)
		return len(b)
	}
	alone := sent(own, r.c.SendText(own))
	sent(shared, Deliver(r.c, p))
	for _, text := range []string{own, shared} { // one that is older than what was delivered, and that itself
		if n := sent(text, r.c.SendText(text)); n > alone/4 {
			t.Errorf("a message that was sent before takes %d bytes, alone %d", n, alone)
		}
	}
}

// A transport that is broken ends the connection, as one that breaks in a turn does.
func TestDeliver_EndsAConnectionThatIsBroken(t *testing.T) {
	r := openRig(t, Config{})
	p := prepare(t, Outgoing{Type: Text, Payload: []byte("hello")})
	broken := errors.New("broken")
	r.wire.outErr = broken
	expect(t, "deliver", Deliver(r.c, p), ErrClosed)
	r.turn()
	expect(t, "closed", r.closed, 1)
	if err := r.info().Err; !errors.Is(err, broken) {
		t.Error(err)
	}
}

// A callback whose connection is at work writes what it sends at the end of the connection's turn, delivered or not.
func TestDeliver_WaitsForTheConnectionsTurn(t *testing.T) {
	p := prepare(t, Outgoing{Type: Text, Payload: []byte("2")})
	r := openRig(t, Config{Handlers: Handlers{Message: func(c *Conn, m Message) {
		_ = Deliver(c, p)
		_ = Deliver(c, p)
	}}})
	r.play(text("x"), make([]byte, 100))
	r.turn()
	expect(t, "writes", r.wire.writes, 1)
}

func TestDeliver_DoesNotAllocate(t *testing.T) {
	r := openRig(t, Config{})
	p := prepare(t, Outgoing{Type: Text, Payload: make([]byte, 100)})
	r.wire.out.Grow(1 << 20)
	expectNoAllocs(t, func() { _ = Deliver(r.c, p); r.wire.out.Reset() })
	expect(t, "writes that the loop was asked for", len(r.scheduled), 0)
}
