package session

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// A header that claims much takes no more memory than one that claims little.
func TestClaimedLengthTakesNoMemory(t *testing.T) {
	claim := func(n uint64) []byte {
		b := binary.BigEndian.AppendUint64([]byte{0x82, 0xFF}, n)
		return append(b, 1, 2, 3, 4)
	}
	for _, n := range []uint64{1 << 20, 32 << 20} {
		r := openRig(t, Config{MaxMessageSize: 32 << 20})
		r.receive(claim(n))
		if _, size := r.loop.Lent(); size > 0 {
			t.Errorf("%d claimed: %d bytes lent", n, size)
		}
		for sent := 0; sent < 500_000; sent += 10_000 {
			r.receive(make([]byte, 10_000))
			if _, size := r.loop.Lent(); size > 2*int64(sent+10_000)+4096 {
				t.Fatalf("%d bytes received: %d lent", sent+10_000, size)
			}
		}
	}
	for _, n := range []uint64{32<<20 + 1, 1 << 31, 1<<63 - 1} {
		r := openRig(t, Config{MaxMessageSize: 32 << 20})
		r.receive(claim(n))
		r.expectClose(frame.MessageTooBig, frame.ErrMessageTooBig.Rule)
	}
}

func TestFragmentFloodIsEnded(t *testing.T) {
	for name, piece := range map[string]string{"empty": "", "one byte": "x"} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{MaxMessageSize: 10_000, MaxFragments: 5000})
			r.receive(peer(frame.Text, false, piece))
			flood := []byte(strings.Repeat(string(peer(frame.Continuation, false, piece)), 1000))
			for i := 0; r.c.State() == Open; i++ {
				if i > 5 {
					t.Fatal("not ended")
				}
				r.receive(flood)
				if _, size := r.loop.Lent(); size > 20_000 {
					t.Fatalf("%d bytes lent", size)
				}
			}
			r.expectClose(frame.PolicyViolation, frame.ErrTooManyFragments.Rule)
		})
	}
}

// A ping flood whose answers are not read is taken in in bounded memory.
func TestPingFloodUnread(t *testing.T) {
	n := 1_000_000
	if allocates {
		n = 50_000
	}
	r := openRig(t, Config{})
	r.drain(0)
	flood := []byte(strings.Repeat(string(peer(frame.Ping, true, "0123456789")), 1000))
	for range n / 1000 {
		r.receive(append([]byte(nil), flood...))
		if p := r.c.Pending(); p > controlReserve+12*1000 {
			t.Fatalf("%d bytes pending", p)
		}
	}
	r.drain(-1)
	for _, f := range r.sent() {
		if f != (sentFrame{frame.Pong, true, "0123456789"}) {
			t.Fatalf("sent %v", f)
		}
	}
}

// While buffers are short a message in progress stays as it is, and its peer is not taken for
// silent. Messages that come whole go on.
func TestMessageInProgressWaitsWhileBuffersAreShort(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		const half = 100 << 10
		short := true
		r := openRig(t, Config{Dispatch: dispatch, IdleTimeout: idle, Handlers: Handlers{Message: echo}})
		r.loop.Short = func() bool { return short }
		r.receive(text("whole"))
		r.eventually("the echo", func() bool { return strings.Contains(r.wire.output(), "whole") })
		r.sent()

		r.receive(peer(frame.Binary, false, strings.Repeat("a", half)))
		_, held := r.loop.Lent()
		if held > 64<<10 {
			t.Errorf("%d bytes lent", held)
		}
		r.receive(peer(frame.Continuation, true, strings.Repeat("b", half)))
		for range 5 {
			r.advance(idle/2 - time.Millisecond)
			r.poll()
		}
		if _, now := r.loop.Lent(); now != held {
			t.Errorf("%d bytes lent, %d before", now, held)
		}
		expect(t, "pings meanwhile", r.pings(), 0)

		short = false
		r.eventually("the echo", func() bool { return len(r.wire.output()) > 2*half })
		expect(t, "echo", r.sent()[0].payload, strings.Repeat("a", half)+strings.Repeat("b", half))
	})
}

// Once this side is closing no message grows: the peer's Close behind it is found.
func TestCloseIsFoundBehindAMessageThatWaitsForBuffers(t *testing.T) {
	r := openRig(t, Config{})
	r.loop.Short = func() bool { return true }
	r.receive(peer(frame.Binary, false, strings.Repeat("a", 100<<10)))
	expect(t, "bytes unread", r.wire.unread() > 0, true)
	if err := r.c.Close(frame.GoingAway, ""); err != nil {
		t.Fatal(err)
	}
	r.turn()
	r.receive(append(peer(frame.Continuation, true, strings.Repeat("b", 100<<10)), peerClose(frame.GoingAway, "")...))
	for range 5 {
		r.poll()
	}
	expect(t, "closed cleanly", r.closed == 1 && r.info().Clean(), true)
}

// What was read of a compressed message says no more than that, either, and goes on without
// anything else that comes.
func TestCompressedMessageWaitsWhileBuffersAreShort(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		const size = 12 * inflateChunk
		for _, fragments := range []int{1, 3} {
			short, got := true, make(chan int, 1)
			r := deflateRig(t, Config{Dispatch: dispatch, MaxMessageSize: size, Handlers: Handlers{
				Message: func(_ *Conn, m Message) { got <- len(m.Payload) },
			}}, takeover)
			r.loop.Short = func() bool { return short }
			peer := newDeflatePeer(t, r)
			r.receive(peer.frames(frame.Binary, strings.Repeat("a", size), fragments, nil))
			for range 5 {
				r.poll()
				r.d.Attend()
			}
			if _, held := r.loop.Lent(); held > 4*inflateChunk || len(got) > 0 {
				t.Errorf("in %d fragments: %d bytes lent, %d messages", fragments, held, len(got))
			}
			short = false
			r.eventually("the message", func() bool { return len(got) > 0 })
			expect(t, "bytes", <-got, size)
		}
	})
}

// Whenever they become short and cease to be, the loop comes back by itself.
func TestCompressedMessageGoesOnOnceBuffersAreNotShort(t *testing.T) {
	const size = 5 * inflateChunk
	for shape := range 64 { // of six answers, after which they are short no more
		asked, got := 0, 0
		r := deflateRig(t, Config{MaxMessageSize: size, Handlers: Handlers{
			Message: func(_ *Conn, m Message) { got = len(m.Payload) },
		}}, takeover)
		r.loop.Short = func() bool { asked++; return asked < 7 && shape>>(asked-1)&1 > 0 }
		peer := newDeflatePeer(t, r)
		r.receive(peer.frames(frame.Binary, strings.Repeat("a", size), 1, nil))
		r.turn()
		if got != size {
			t.Errorf("short as in %06b: %d bytes came", shape, got)
		}
	}
}

func TestCloseIsFoundBehindACompressedMessageThatWaitsForBuffers(t *testing.T) {
	r := deflateRig(t, Config{}, takeover)
	r.loop.Short = func() bool { return true }
	peer := newDeflatePeer(t, r)
	r.receive(append(peer.frames(frame.Binary, strings.Repeat("a", 4*inflateChunk), 1, nil), peerClose(frame.GoingAway, "")...))
	expect(t, "kept", r.d.rx != nil && r.d.rx.stash != nil, true)
	if err := r.c.Close(frame.GoingAway, ""); err != nil {
		t.Fatal(err)
	}
	r.eventually("the end", func() bool { return r.closed == 1 })
	expect(t, "closed cleanly", r.info().Clean(), true)
}
