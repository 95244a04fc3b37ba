package session

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

func TestHalfClosedPeerGetsItsAnswers(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Message: echo}})
		r.drain(3)
		r.wire.in = append(text("hello"), text("world")...)
		r.end(io.EOF)
		r.eventually("the end of input", func() bool { return r.c.State() == Closing })
		expect(t, "closed while answers are pending", r.wire.closed, false)
		r.drain(-1)
		got := r.sent()
		if len(got) != 2 || got[1].payload != "world" {
			t.Errorf("sent %v", got)
		}
		expectInfo(t, r.info(), CloseInfo{By: Nobody, Received: frame.AbnormalClosure, Err: io.ErrUnexpectedEOF})
	})
}

func TestCloseTimeout(t *testing.T) {
	r := openRig(t, Config{CloseTimeout: 2 * time.Second})
	r.drain(10)
	_ = r.c.SendText(strings.Repeat("x", 98))
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	r.advance(1999 * time.Millisecond)
	expect(t, "closed early", r.wire.closed, false)
	r.advance(time.Millisecond)
	expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.NormalClosure, Received: frame.AbnormalClosure,
		Err: ErrCloseTimeout, Unsent: 100 - 10 + 4})
}

func TestCloseTimeoutBoundsACallbackThatHoldsUpTheAnswer(t *testing.T) {
	gate := make(chan bool)
	r := openRig(t, Config{Dispatch: OnGoroutines, Handlers: Handlers{Message: func(*Conn, Message) { <-gate }}})
	r.receive(append(text("x"), peerClose(frame.NormalClosure, "")...))
	r.advance(DefaultCloseTimeout)
	expect(t, "closed", r.wire.closed, true)
	close(gate)
	expectInfo(t, r.info(), CloseInfo{By: Peer, Received: frame.NormalClosure, Err: ErrCloseTimeout})
}

func TestResetWhileReading(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch})
		r.end(syscall.ECONNRESET)
		info := r.info()
		expectInfo(t, info, CloseInfo{By: Nobody, Received: frame.AbnormalClosure, Err: syscall.ECONNRESET})
		var op *net.OpError
		if !errors.As(info.Err, &op) || op.Op != "read" {
			t.Errorf("error: %v", info.Err)
		}
	})
}

func TestResetWhileWriting(t *testing.T) {
	for _, size := range []int{10, 1 << 20} { // by the loop's turn; by Send itself
		r := openRig(t, Config{MaxPending: 2 << 20})
		r.wire.outErr = syscall.EPIPE
		err := r.c.Send(Binary, make([]byte, size))
		if size == 10 {
			expect(t, "Send into the queue", err, nil)
		} else {
			expect(t, "Send to the socket", err, ErrClosed)
			expect(t, "Send after it", r.c.Send(Binary, nil), ErrClosed)
		}
		r.turn()
		info := r.info()
		expect(t, "closed", r.wire.closed, true)
		var op *net.OpError
		if !errors.As(info.Err, &op) || op.Op != "write" || !errors.Is(op, syscall.EPIPE) {
			t.Errorf("error: %v", info.Err)
		}
	}
}

func TestAbort(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		cause := errors.New("server closed")
		r := openRig(t, Config{Dispatch: dispatch})
		r.drain(0)
		_ = r.c.SendText("12345")
		r.d.Abort(cause)
		expect(t, "closed", r.wire.closed, true)
		r.d.Abort(nil) // of a closed connection: nothing
		r.d.Expire()
		r.d.Attend()
		expectInfo(t, r.info(), CloseInfo{By: Local, Received: frame.AbnormalClosure, Err: cause, Unsent: 7})
	})
}

func TestFailedConnectionIsClosedInTimeWithoutThePeer(t *testing.T) {
	r := openRig(t, Config{})
	r.receive([]byte{0xF0, 0})
	r.receive([]byte(strings.Repeat("garbage", 1000)))
	expect(t, "closed at once", r.wire.closed, false)
	r.advance(DefaultCloseTimeout)
	expect(t, "closed", r.wire.closed, true)
	expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.ProtocolError, Received: frame.AbnormalClosure,
		Reason: errReservedBits.Rule, Err: errReservedBits})
}

func TestFailedConnectionIsClosedAtOnceIfThePeerIsGone(t *testing.T) {
	r := openRig(t, Config{})
	r.wire.halfErr = syscall.ENOTCONN
	r.receive([]byte{0xF0, 0})
	expect(t, "closed", r.wire.closed, true)
	expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.ProtocolError, Received: frame.AbnormalClosure,
		Reason: errReservedBits.Rule, Err: errReservedBits})
}
