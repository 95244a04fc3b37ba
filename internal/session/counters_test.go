package session

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

// counters are those of the rig's loop, as its owner would show them.
func (r *rig) counters() (c Counters) {
	r.d.loop.Publish(r.d.policy(), &c)
	r.d.policy().AddShared(&c)
	return c
}

func TestCountersOfTraffic(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Message: echo}})
	opened := r.counters()
	in := append(append(text("hello"), peer(frame.Ping, true, "p")...), peer(frame.Pong, true, "")...)
	in = append(in, peer(frame.Text, false, "a")...)
	in = append(in, peer(frame.Ping, true, "between")...)
	in = append(in, peer(frame.Continuation, false, "")...)
	in = append(in, peer(frame.Continuation, true, "c")...)
	for _, chunk := range []int{0, 1, 3} {
		t.Run("", func(t *testing.T) {
			r.loop.Take()
			before := r.counters()
			r.wire.chunk = chunk
			r.wire.out.Reset()
			r.wire.in = append([]byte(nil), in...)
			for len(r.wire.in) > 0 {
				r.d.Readable()
			}
			got := r.counters()
			for _, w := range []struct {
				what      string
				got, want uint64
			}{
				{"messages received", got.Received.Messages - before.Received.Messages, 2},
				{"data frames received", got.Received.Frames.Data - before.Received.Frames.Data, 4},
				{"pings received", got.Received.Frames.Ping - before.Received.Frames.Ping, 2},
				{"pongs received", got.Received.Frames.Pong - before.Received.Frames.Pong, 1},
				{"bytes received", got.Received.Bytes - before.Received.Bytes, uint64(len(in))},
				{"messages sent", got.Sent.Messages - before.Sent.Messages, 2},
				{"data frames sent", got.Sent.Frames.Data - before.Sent.Frames.Data, 2},
				{"pongs sent", got.Sent.Frames.Pong - before.Sent.Frames.Pong, 2},
				{"bytes sent", got.Sent.Bytes - before.Sent.Bytes, uint64(r.wire.out.Len())},
				{"opened", got.Opened, opened.Opened},
				{"pending", uint64(got.Pending), 0},
			} {
				if w.got != w.want {
					t.Errorf("%s: %d, want %d", w.what, w.got, w.want)
				}
			}
		})
	}
}

// A send from elsewhere to a transport that is full is seen without the loop having
// been there, and what leaves is subtracted.
func TestPendingBytesAreCountedWhileTheTransportIsFull(t *testing.T) {
	r := openRig(t, Config{})
	before := r.counters().Sent.Bytes
	r.wire.room = 10
	for range 3 {
		if err := r.c.SendText(strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
		r.turn()
		if got := r.counters().Pending; got != int64(r.c.Pending()) {
			t.Errorf("counted %d pending bytes of %d", got, r.c.Pending())
		}
	}
	if err := r.c.SendText("more"); err != nil { // and no turn of the loop
		t.Fatal(err)
	}
	if got := r.counters(); got.Pending != int64(r.c.Pending()) || got.Sent.Messages != 4 {
		t.Errorf("counted %d pending bytes of %d, and %d messages", got.Pending, r.c.Pending(), got.Sent.Messages)
	}
	r.wire.room = -1
	r.d.Writable()
	if got := r.counters(); got.Pending != 0 || got.Sent.Bytes-before != uint64(r.wire.out.Len()) {
		t.Errorf("counted %d pending and %d sent bytes of %d", got.Pending, got.Sent.Bytes-before, r.wire.out.Len())
	}
}

func TestLargeMessagesAreCountedThoughTheyPassTheQueue(t *testing.T) {
	for name, room := range map[string]int{"whole": -1, "part": 1000} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{})
			before := r.counters()
			r.wire.out.Reset()
			r.wire.room = room
			if err := r.c.SendBinary(make([]byte, 2*directWrite)); err != nil {
				t.Fatal(err)
			}
			got := r.counters()
			if n := got.Sent.Messages - before.Sent.Messages; n != 1 {
				t.Errorf("%d messages, want 1", n)
			}
			if n := got.Sent.Bytes - before.Sent.Bytes; n != uint64(r.wire.out.Len()) {
				t.Errorf("%d bytes, want %d", n, r.wire.out.Len())
			}
			if got.Pending != int64(r.c.Pending()) {
				t.Errorf("%d bytes pending, want %d", got.Pending, r.c.Pending())
			}
		})
	}
}

func TestClosesAreCountedBySideCodeAndCause(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(r *rig)
		want CloseKind
		by   Cause
	}{
		"peer":         {func(r *rig) { r.receive(peerClose(frame.GoingAway, "bye")) }, CloseKind{Peer, frame.GoingAway}, Clean},
		"peer_no_code": {func(r *rig) { r.receive(peerClose(0, "")) }, CloseKind{Peer, frame.NoStatusReceived}, Clean},
		"peer_4321":    {func(r *rig) { r.receive(peerClose(4321, "")) }, CloseKind{Peer, 4000}, Clean},
		"local": {func(r *rig) {
			_ = r.c.Close(frame.NormalClosure, "")
			r.turn()
			r.receive(peerClose(frame.NormalClosure, ""))
		}, CloseKind{Local, frame.NormalClosure}, Clean},
		"cut":    {func(r *rig) { r.d.Abort(nil) }, CloseKind{Local, frame.AbnormalClosure}, Aborted},
		"broken": {func(r *rig) { r.end(errors.New("gone")) }, CloseKind{Nobody, frame.AbnormalClosure}, Network},
		"eof":    {func(r *rig) { r.end(io.EOF) }, CloseKind{Nobody, frame.AbnormalClosure}, EOF},
		"unmasked": {func(r *rig) {
			r.receive(frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: frame.Text}, nil))
			r.end(io.EOF)
		}, CloseKind{Local, frame.ProtocolError}, Protocol},
		"too_big": {func(r *rig) {
			r.receive(text(strings.Repeat("x", 5000)))
			r.end(io.EOF)
		}, CloseKind{Local, frame.MessageTooBig}, Oversize},
		"too_fast": {func(r *rig) {
			r.receive([]byte(strings.Repeat(string(text("")), 11)))
			r.end(io.EOF)
		}, CloseKind{Local, frame.PolicyViolation}, TooFast},
		"close_timeout": {func(r *rig) {
			_ = r.c.Close(frame.NormalClosure, "")
			r.turn()
			r.advance(DefaultCloseTimeout)
		}, CloseKind{Local, frame.NormalClosure}, CloseTimedOut},
		"idle": {func(r *rig) { r.advance(DefaultIdleTimeout) }, CloseKind{Local, frame.GoingAway}, Idle},
		"panic": {func(r *rig) {
			r.receive(peer(frame.Pong, true, ""))
			r.end(io.EOF)
		}, CloseKind{Local, frame.InternalError}, Panicked},
	} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{MaxMessageSize: 4096, MessagesPerSecond: 1, Handlers: Handlers{Pong: func(*Conn, []byte) { panic(0) }}})
			c.end(r)
			got := r.counters()
			if got.Opened != 1 || got.Closed != 1 {
				t.Errorf("%d opened, %d closed, want 1 and 1", got.Opened, got.Closed)
			}
			for kind, n := range got.Closes.All() {
				if kind != c.want || n != 1 {
					t.Errorf("%d closes as %v, want 1 as %v", n, kind, c.want)
				}
			}
			for cause, n := range got.Causes.All() {
				if cause != c.by || n != 1 {
					t.Errorf("%d ended by %v, want 1 by %v", n, cause, c.by)
				}
			}
		})
	}
}

func TestBytesLostAtTheCloseAreCounted(t *testing.T) {
	r := openRig(t, Config{})
	r.wire.room = 10
	_ = r.c.SendText(strings.Repeat("x", 1000))
	r.turn()
	pending := r.c.Pending()
	r.d.Abort(nil)
	if got := r.counters(); got.Unsent != uint64(pending) || pending == 0 || got.Pending != 0 {
		t.Errorf("%d bytes unsent and %d pending, want %d and 0", got.Unsent, got.Pending, pending)
	}
}

func TestPanicsAreCounted(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Message: func(*Conn, Message) { panic("x") }}})
	r.receive(text("a"))
	if got := r.counters().Panics; got != 1 {
		t.Errorf("%d panics counted, want 1", got)
	}
}

func TestCountersOfOverflows(t *testing.T) {
	for policy, want := range map[Overflow]Overflows{
		OverflowClose: {Closed: 1}, OverflowRefuse: {Refused: 6}, OverflowDropOldest: {Oldest: 6}, OverflowLatest: {Replaced: 14},
	} {
		r := openRig(t, Config{MaxPending: 200, Overflow: policy})
		r.drain(5)
		expect(t, "Send", r.c.SendText(numbered(0)), nil)
		r.turn()
		for i := range 15 {
			_ = r.c.SendKeyed("key", Text, []byte(numbered(i)))
		}
		expect(t, "overflows", r.counters().Overflows, want)
		expect(t, "pending", r.counters().Pending, int64(r.c.Pending()))
		r.turn()
		r.advance(DefaultWriteTimeout)
		stalled := uint64(0)
		causes := r.counters().Causes
		for cause, n := range causes.All() {
			if cause == WriteStalled {
				stalled = n
			}
		}
		expect(t, "stalled", stalled, map[bool]uint64{true: 1}[policy != OverflowClose])
		expect(t, "pending at last", r.counters().Pending, 0)
	}
}

// Frames are counted as they come, also those of a message that never ends.
func TestCountersOfFramesOfUnfinishedMessages(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch, MaxFragments: 5, Handlers: Handlers{Message: func(*Conn, Message) {}}})
		received := func() (data, messages uint64) {
			var c Counters
			r.loop.Publish(r.d.policy(), &c)
			return c.Received.Frames.Data, c.Received.Messages
		}
		expectCounts := func(data, messages uint64) {
			t.Helper()
			gotData, gotMessages := received()
			expect(t, "frames", gotData, data)
			expect(t, "messages", gotMessages, messages)
		}
		r.receive(peer(frame.Text, false, "a"))
		expectCounts(1, 0)
		long := peer(frame.Continuation, false, "in two reads")
		r.receive(long[:8])
		r.receive(long[8:])
		expectCounts(2, 0)
		r.receive(peer(frame.Continuation, false, ""))
		r.receive(peer(frame.Continuation, true, "end"))
		expectCounts(4, 1)
		r.receive(text("whole"))
		expectCounts(5, 2)
		r.receive(peer(frame.Text, false, "b"))
		for range 5 {
			r.receive(peer(frame.Continuation, false, "c"))
		}
		r.eventually("the failure", func() bool { return r.c.State() == Closing })
		expectCounts(10, 2)
	})
}
