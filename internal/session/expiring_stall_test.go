package session

import (
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// stalledRig is a rig whose transport took ten bytes and then no more. Its peer is
// never silent for too long.
func stalledRig(t *testing.T, cfg Config) *rig {
	cfg.IdleTimeout = -1
	r := openRig(t, cfg)
	r.drain(10)
	expect(t, "Send", r.c.Send(Binary, make([]byte, 96)), nil)
	r.turn()
	expect(t, "write interest", r.write, true)
	return r
}

func TestTransportThatTakesNothingIsCutAtTheWriteTimeout(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for _, idleTimeout := range []time.Duration{-1, 2 * idle} {
			r := openRig(t, Config{Dispatch: dispatch, WriteTimeout: idle, IdleTimeout: idleTimeout})
			r.advance(idle / 3) // the time before does not count
			r.drain(10)
			expect(t, "Send", r.c.Send(Binary, make([]byte, 96)), nil)
			r.turn()
			r.advance(idle - time.Millisecond)
			expect(t, "closed before the end", r.wire.closed, false)
			r.advance(time.Millisecond)
			expect(t, "closed at the end", r.wire.closed, true)
			info := r.info()
			expectInfo(t, info, CloseInfo{By: Local, Received: frame.AbnormalClosure, Err: ErrWriteStalled, Unsent: info.Unsent})
			if info.Unsent < 88 { // and perhaps a ping
				t.Errorf("%d bytes unsent", info.Unsent)
			}
		}
	})
}

func TestDefaultWriteTimeout(t *testing.T) {
	r := stalledRig(t, Config{})
	r.advance(30*time.Second - time.Millisecond)
	expect(t, "closed", r.wire.closed, false)
	r.advance(time.Millisecond)
	expect(t, "closed", r.wire.closed, true)
}

func TestPeerThatTakesAByteNowAndThenLives(t *testing.T) {
	r := stalledRig(t, Config{WriteTimeout: idle})
	for range 20 {
		r.advance(idle - time.Millisecond)
		r.drain(1)
	}
	expect(t, "closed", r.wire.closed, false)
	r.advance(idle)
	expect(t, "closed once it takes none", r.wire.closed, true)
	expect(t, "unsent", r.info().Unsent, 68)
}

// A socket is not reported to be writable for every byte that it would take.
func TestStalledTransportIsTriedBeforeItIsCut(t *testing.T) {
	r := stalledRig(t, Config{WriteTimeout: idle})
	for range 20 {
		r.advance(idle - time.Millisecond)
		r.wire.room = 1 // nobody says so
		r.advance(time.Millisecond)
		expect(t, "closed", r.wire.closed, false)
	}
	expect(t, "taken", r.wire.out.Len(), 30)
	r.advance(idle)
	expect(t, "closed once it takes none", r.wire.closed, true)
}

// Readiness that is none is no progress.
func TestSpuriousWritableIsNoProgress(t *testing.T) {
	r := stalledRig(t, Config{WriteTimeout: idle})
	for range 9 {
		r.advance(idle / 10)
		r.d.Writable()
	}
	r.advance(idle / 10)
	expect(t, "closed", r.wire.closed, true)
}

// The clock of a stall starts with the bytes that are refused, whatever was refused
// before, and a timer that was set for earlier ones finds nothing to do.
func TestEachStallHasItsOwnTime(t *testing.T) {
	r := stalledRig(t, Config{WriteTimeout: idle})
	r.advance(idle / 2)
	r.drain(-1)
	expect(t, "pending", r.c.Pending(), 0)
	w, _ := r.c.NewWriter(Binary) // which keeps the queue
	r.advance(idle / 4)
	r.drain(0)
	_, _ = w.Write(make([]byte, WriterSize))
	r.turn()
	expect(t, "write interest", r.write, true)
	r.advance(idle - time.Millisecond)
	expect(t, "closed before the end", r.wire.closed, false)
	r.advance(time.Millisecond)
	expect(t, "closed at the end", r.wire.closed, true)
}

func TestNoWriteTimeout(t *testing.T) {
	r := stalledRig(t, Config{WriteTimeout: -1})
	r.advance(1000 * time.Hour)
	expect(t, "closed", r.wire.closed, false)
}

// A connection that is closing has the close timeout in place of the others.
func TestCloseTimeoutTakesThePlaceOfTheWriteTimeout(t *testing.T) {
	r := stalledRig(t, Config{WriteTimeout: idle, CloseTimeout: 2 * idle})
	r.advance(idle / 2)
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	r.advance(2*idle - time.Millisecond)
	expect(t, "closed before the end", r.wire.closed, false)
	r.advance(time.Millisecond)
	expect(t, "error", r.info().Err, ErrCloseTimeout)
}

// A peer that does not read is pinged as ever, and neither timer hides the other.
func TestHeartbeatGoesOnWhileTheTransportIsFull(t *testing.T) {
	r := openRig(t, Config{WriteTimeout: 10 * idle, IdleTimeout: idle})
	r.drain(0)
	expect(t, "Send", r.c.SendText(strings.Repeat("x", 94)), nil)
	r.turn()
	r.advance(idle / 2)
	expect(t, "pending: the message and a ping", r.c.Pending(), 96+2)
	r.receive(peer(frame.Pong, true, ""))
	r.advance(idle)
	expect(t, "closed", r.wire.closed, true)
	expect(t, "error", r.info().Err, ErrIdle)
}
