package session

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// A message that is delivered at once leaves all as SendPrepared and a turn of the loop do, wherever the
// transport refuses it, whatever the policy, and whatever waits.
func TestDeliver_LeavesWhatSendPreparedLeaves(t *testing.T) {
	payload := []byte(prose(rand.New(rand.NewPCG(1, 1)), 60))
	for _, overflow := range []Overflow{OverflowClose, OverflowRefuse, OverflowDropOldest, OverflowLatest} {
		for _, params := range []*deflate.Params{nil, &takeover} {
			for before := range 4 { // nothing, a message that waits, a Close frame, and a message that was sent
				for room := -1; room <= len(payload)+3; room++ {
					p := prepare(t, Outgoing{Type: Text, Payload: payload, Key: "k"})
					at, want := "", ""
					for i, send := range []func(*Conn, *Prepared) error{(*Conn).SendPrepared, Deliver} {
						got := leaves(t, Config{Overflow: overflow, MaxPending: 200, Deflate: Deflate{Threshold: 1}}, params, before, room, func(c *Conn) error { return send(c, p) })
						if i == 0 {
							at, want = fmt.Sprint(overflow, params != nil, before, room), got
						} else if got != want {
							t.Errorf("%s:\n%s\nwant\n%s", at, got, want)
						}
					}
				}
			}
		}
	}
}

// leaves is what a message that is sent leaves: on the wire, in the counters, and for the loop.
func leaves(t *testing.T, cfg Config, params *deflate.Params, before, room int, send func(*Conn) error) string {
	drained := 0
	cfg.Handlers.Drained = func(*Conn) { drained++ }
	var r *rig
	if params == nil {
		r = openRig(t, cfg)
	} else {
		r = deflateRig(t, cfg, *params)
	}
	r.advance(10 * time.Second)
	switch before {
	case 1:
		_ = r.c.SendText("before")
	case 2:
		_ = r.c.Close(frame.GoingAway, "")
	case 3:
		_ = r.c.SendText(prose(rand.New(rand.NewPCG(1, 2)), 60))
		r.turn()
		_ = r.wire.take()
	}
	r.wire.room = room
	err := send(r.c)
	r.turn()
	story := fmt.Sprintf("%v, %q, %d pending, read %v, write %v, timer %v, sent %v\n", err, r.wire.take(), r.c.Pending(), r.read, r.write, r.due, r.d.sent)
	err = errors.Join(send(r.c), send(r.c), send(r.c))
	r.turn()
	messages, bytes := r.c.Dropped()
	story += fmt.Sprintf("%v, %d and %d dropped\n", err, messages, bytes)
	r.wire.room = -1
	if r.closed == 0 {
		r.d.Writable()
	}
	r.turn()
	_ = r.c.SendText(prose(rand.New(rand.NewPCG(1, 1)), 60)) // it refers to what was sent
	r.turn()
	return story + fmt.Sprintf("%q, %d drained, %v", r.wire.take(), drained, r.counters())
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
