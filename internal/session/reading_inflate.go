package session

import (
	"sync"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/buffer"
)

// packed takes in a piece of a compressed message. While there is something to say of
// it, nothing else is taken in.
func (d *reading) packed(rx *receiver, ev frame.Event) {
	if ev.First {
		d.beginInflation(rx, ev.Opcode)
	}
	z := rx.inflation
	z.src, z.last, z.busy = ev.Payload, ev.Last, true
}

// beginInflation readies rx for a compressed message.
func (d *reading) beginInflation(rx *receiver, op frame.Opcode) {
	a := d.agreement()
	z := d.loop.lendInflation()
	rx.inflation = z
	z.inflater.Reset(a.peerWindow())
	z.text = frame.TextCheck{}
	z.op, z.first, z.size = op, true, 0
	z.history = &z.own
	if a.peerTakeover() {
		d.mu.Lock()
		z.history = &d.contexts().in
		d.mu.Unlock()
	}
}

// inflate hands on the next chunk of a compressed message. It stops as soon as the
// message passes its limit, whatever is still to come.
func (d *reading) inflate(rx *receiver) {
	d.check()
	c, z, l := &d.Conn, rx.inflation, d.loop
	if c.State() != Open {
		rx.dropInflation(l) // after its own Close this side takes no more messages
		return
	}
	// What comes first in the message decides how it fails, wherever it was cut.
	dst, most := l.inflateBuf, rx.limits.MaxMessageSize-z.size
	if most < int64(len(dst)) {
		dst = dst[:most+1]
	}
	before := z.inflater.Work()
	n, taken, done, err := z.inflater.Inflate(dst, z.src, z.last, &z.history.window)
	d.inflated(z.inflater.Work() - before + workOfPiece)
	z.src = z.src[taken:]
	z.busy = !done && n == len(dst) || len(z.src) > 0
	if z.kept != nil && len(z.src) == 0 {
		z.kept.Release()
		z.kept = nil
	}
	if err == deflate.ErrHistory && !c.agreement().peerTakeover() {
		err = ErrContextTakeover
	}
	if int64(n) > most {
		n, done, err = int(most), false, frame.ErrMessageTooBig
	}
	z.size += int64(n)

	chunk := dst[:n]
	if z.op == frame.Text {
		if good := z.text.Accept(chunk, done); good < n {
			chunk, done, err = chunk[:max(good, 0)], false, frame.ErrInvalidUTF8
		}
	}
	if err == nil && (!done || c.agreement().peerTakeover()) {
		z.history.add(&l.pool, chunk, c.agreement().peerWindow())
	}
	ev := frame.Event{Payload: chunk, Opcode: z.op, First: z.first, Last: done}
	z.first = false
	if done {
		rx.dropInflation(l)
	}
	if done || ev.First || len(chunk) > 0 {
		d.piece(rx, ev)
	}
	if err != nil && d.input == inputFrames {
		d.failInOrder(err)
	}
}

// inflating is what a loop has for compressed messages. Owned by the loop, but for work's counts.
type inflating struct {
	inflateBuf     []byte // where they are inflated; nil before the first
	spareInflation *inflation
	inflations     sync.Pool // *inflation, those given back beyond the spare one
	work           work
}

// inflation is what a connection needs while a compressed message is arriving: lent by
// the loop.
type inflation struct {
	inflater deflate.Inflater
	history  *context // what the message may refer to
	own      context  // that, where the peer does not take its context over
	text     frame.TextCheck

	op    frame.Opcode
	first bool  // nothing of the message has been handed on
	size  int64 // bytes it has said so far

	// What has come and is not inflated yet: a slice of the read buffer, or of kept
	// once it has to outlive the read.
	src  []byte
	kept *buffer.Buffer
	last bool // the message ends with src
	busy bool // there may be more to say even without src
}

// inflateChunk is how many bytes are inflated at once: the loop's buffer for it. Most
// messages are whole in one, and are handed on from there.
const inflateChunk = 32 << 10

func (l *Loop) lendInflation() *inflation {
	l.check()
	if z := l.spareInflation; z != nil {
		l.spareInflation = nil
		return z
	}
	z, _ := l.inflations.Get().(*inflation)
	if z == nil {
		z = new(inflation)
	}
	if l.inflateBuf == nil {
		l.inflateBuf = make([]byte, inflateChunk)
	}
	return z
}

// returnInflation takes it back, with what it holds.
func (l *Loop) returnInflation(z *inflation) {
	l.check()
	z.own.forget()
	if z.kept != nil {
		z.kept.Release()
	}
	z.history, z.kept, z.src = nil, nil, nil
	if l.spareInflation == nil {
		l.spareInflation = z
		return
	}
	l.inflations.Put(z)
}

// dropInflation gives back what was lent for a compressed message.
func (rx *receiver) dropInflation(l *Loop) {
	if z := rx.inflation; z != nil {
		rx.inflation = nil
		l.returnInflation(z)
	}
}

// keepPacked stores what is not inflated yet, so that it outlives the read.
func (rx *receiver) keepPacked() {
	if z := rx.inflation; z != nil && z.kept == nil && len(z.src) > 0 {
		z.kept = copyOf(rx.pool, z.src)
		z.src = z.kept.B
	}
}

// inflating tells whether a compressed message has more to say before more of it comes.
func (rx *receiver) inflating() bool { return rx.inflation != nil && rx.inflation.busy }
