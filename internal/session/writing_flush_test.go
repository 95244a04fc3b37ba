package session

import (
	"io"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// laster is a transport that notes what was written as the last.
type laster struct {
	cutter
	last string
}

func (k *laster) WriteLast(bufs [][]byte) (int, error) {
	before := k.out.Len()
	n, err := k.Write(bufs)
	k.last += string(k.out.Bytes()[before:])
	return n, err
}

func openLaster(t *testing.T, config Config) (*rig, *laster) {
	r := openRig(t, config)
	k := &laster{cutter: cutter{wire: r.wire}}
	r.d.SetTransport(k)
	return r, k
}

// What the loop closes behind is written as the last: it then leaves with the end of the stream.
func TestWriteLast_TheAnswerToAClose(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r, k := openLaster(t, Config{Dispatch: dispatch})
		r.receive(peerClose(frame.NormalClosure, ""))
		r.info()
		expect(t, "last", k.last, "\x88\x02\x03\xe8")
		expect(t, "patience", k.patience, DefaultCloseTimeout)
	})
}

func TestWriteLast_TheRestOfIt(t *testing.T) {
	r, k := openLaster(t, Config{})
	r.drain(1)
	r.receive(peerClose(frame.NormalClosure, ""))
	expect(t, "closed", r.wire.closed, false)
	r.drain(-1)
	r.info()
	expect(t, "last", k.last, "\x88\x02\x03\xe8")
}

func TestWriteLast_AnswersToAPeerThatHasEnded(t *testing.T) {
	r, k := openLaster(t, Config{Handlers: Handlers{Message: echo}})
	r.drain(1)
	r.wire.in = text("x")
	r.end(io.EOF)
	r.eventually("the end of input", func() bool { return r.c.State() == Closing })
	r.drain(-1)
	r.info()
	expect(t, "last", k.last, "\x01x")
}

// While more may come of the peer, or none of its time is left, nothing is.
func TestWriteLast_NothingElse(t *testing.T) {
	r, k := openLaster(t, Config{Handlers: Handlers{Message: echo}})
	r.receive(text("x"))
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	expect(t, "last", k.last, "")
	r.receive(peerClose(frame.NormalClosure, ""))
	r.info()
	expect(t, "last", k.last, "")

	r, k = openLaster(t, Config{CloseTimeout: time.Second})
	r.drain(1)
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	r.advance(time.Second)
	r.info()
	expect(t, "last of a peer whose time is over", k.last, "")
}
