package session

import (
	"io"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/transport"
)

// readFailed handles the end of the stream, or its breaking.
func (d *reading) readFailed(err error) {
	if d.input == inputDone && err != transport.ErrHeld {
		return // TLS tells of it along with the last bytes: behind the Close frame it is no fault
	}
	switch err {
	case transport.ErrWouldBlock:
	case transport.ErrHeld:
		d.mu.Lock()
		d.noteHeld()
		d.mu.Unlock()
	case ErrTruncated:
		d.streamEnded(ErrTruncated)
	case io.EOF:
		d.streamEnded(ErrUnexpectedEOF)
	default:
		d.mu.Lock()
		d.broke("read", err)
		d.mu.Unlock()
	}
}

// streamEnded handles the end of the stream. What came with it and has to wait, because
// the connection is held, goes first: the transport will tell of the end again.
func (d *reading) streamEnded(err error) {
	if d.rx == nil || d.rx.stash == nil {
		d.peerLeft(err)
		d.inputEnded(event{kind: eventEnd, err: err})
	}
}

// inputEnded notes that no more frames will come. What is queued for callbacks
// goes first, so that its answers can still be sent.
func (d *reading) inputEnded(ev event) {
	d.check()
	d.input = inputDone
	d.startEndTimer()
	d.deliverEnd(ev)
}

// closeFrame handles the peer's Close frame, after which nothing comes (RFC 6455
// 5.5.1). Messages that are queued for callbacks go first.
func (d *reading) closeFrame(payload []byte) {
	c := &d.Conn
	code, reason, err := frame.ParseClose(payload)
	if err != nil {
		d.failInOrder(err)
		return
	}
	c.mu.Lock()
	e := c.ending(Peer, nil)
	e.info.Received = code
	if e.info.By == Peer {
		e.info.Reason = string(reason)
	}
	answer := c.State() != Open // to this side's Close frame
	c.mu.Unlock()
	if answer {
		c.peerEnded(nil)
		d.input = inputDone
		d.cut(ErrClosed)
		return
	}
	d.inputEnded(event{kind: eventEnd})
}

// fail gives up on the peer for what it sent, at once.
func (d *reading) fail(err error) {
	d.check()
	d.failFor(err)
	d.discard(err)
}

// failInOrder gives up on the peer for what it sent, behind the callbacks that wait: what it
// sent before was right, and is answered first. From here on nothing is parsed.
func (d *reading) failInOrder(err error) {
	d.check()
	c := &d.Conn
	waits := d.unreceived()
	if c.State() != Open || !waits && (c.inline() || !c.queued()) {
		d.fail(err)
		return
	}
	c.mu.Lock()
	c.ending(Local, err)
	c.mu.Unlock()
	d.input = inputDiscard
	d.dropReceiver()
	d.startEndTimer()
	if waits {
		d.postIncoming(event{kind: eventFail, err: err})
		return
	}
	d.post(event{kind: eventFail, err: err})
}

// discard stops parsing: what arrives from now on is read and dropped, so that
// closing the socket does not reset it before the peer has read the Close frame.
func (d *reading) discard(err error) {
	d.check()
	if d.input == inputFrames {
		d.input = inputDiscard
	}
	d.cut(err)
	d.dropReceiver()
}

// cut tells a Stream callback that its message will not be finished.
func (d *reading) cut(err error) {
	if d.rx != nil && d.rx.streaming {
		d.rx.streaming = false
		d.post(event{kind: eventCut, err: err})
	}
}

// dropReceiver gives back what the connection holds for its input.
func (d *reading) dropReceiver() {
	d.check()
	rx := d.rx
	if rx == nil {
		return
	}
	d.rx = nil
	rx.dropMessage()
	rx.dropStash()
	rx.dropInflation(d.loop)
	rx.streaming, rx.counted = false, 0
	rx.reset()
	d.loop.returnReceiver(rx)
}
