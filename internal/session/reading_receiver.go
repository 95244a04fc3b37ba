package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// receiver is what a connection needs while bytes are arriving: lent by the loop,
// and kept only from one read to the next if a frame or a message is unfinished.
type receiver struct {
	dec  frame.Decoder
	asm  frame.Assembler
	role frame.Role // of the connection
	// msg holds asm.Buf, nil while no message is in pieces. It is &here while the message lies
	// in the loop's read buffer: see reading_place.go.
	msg  *buffer.Buffer
	here buffer.Buffer
	pool *buffer.Pool

	// limits are those of the message in progress, or of the last.
	limits *limits

	// counted is how many frames of the message in progress the counters have.
	counted int

	// streaming says that the message in progress goes to a Stream callback.
	streaming bool

	// stash holds what was read but must wait, because the connection is held;
	// rest is the part of it not yet taken in.
	stash *buffer.Buffer
	rest  []byte

	inflation *inflation // nil unless a compressed message is arriving
}

// directRead is how many bytes of a payload must be missing, at least, for them
// to be read straight into the message's own buffer. directMost is how many are read at once there.
const (
	directRead = 4 << 10
	directMost = longReads * ReadSize
)

// lendReceiver is a receiver for a connection of that role, which has those limits.
func (l *Loop) lendReceiver(role frame.Role, of *limits) *receiver {
	l.check()
	rx := l.spare
	l.spare = nil
	if rx == nil {
		rx, _ = l.receivers.Get().(*receiver)
	}
	if rx == nil {
		rx = &receiver{pool: &l.pool}
		rx.asm.Grow = rx.grow
	}
	if rx.limits == nil || rx.role != role {
		rx.role, rx.limits = role, of
		rx.reset()
	}
	return rx
}

// reset forgets what has come.
func (rx *receiver) reset() { rx.dec.Reset(rx.role, rx.limits.frame()) }

// returnReceiver takes back a receiver that is at rest.
func (l *Loop) returnReceiver(rx *receiver) {
	l.check()
	if l.spare == nil {
		l.spare = rx
		return
	}
	l.receivers.Put(rx)
}

// grow moves a message in progress to a buffer twice as large, or larger. It
// grows with what has come, whatever the header claims.
func (rx *receiver) grow(buf []byte, n int) []byte {
	next := rx.pool.Get(max(len(buf)+n, 2*len(buf)))
	next.B = append(next.B, buf...)
	if rx.msg != nil {
		rx.msg.Release()
	}
	rx.msg = next
	return next.B
}

// dropMessage gives the buffer of the assembled message back.
func (rx *receiver) dropMessage() {
	if rx.msg != nil {
		rx.asm.Take()
		rx.msg.Release()
		rx.msg = nil
	}
}

// detach is the payload in a buffer that outlives the read: the message's own, or
// a copy.
func (rx *receiver) detach(payload []byte) *buffer.Buffer {
	if rx.inPlace() {
		rx.moveOut()
	}
	if b := rx.msg; b != nil {
		b.B = rx.asm.Take()
		rx.msg = nil
		return b
	}
	return copyOf(rx.pool, payload)
}

// keep stores bytes that must wait: new ones, or what is left of those it has.
func (rx *receiver) keep(b []byte) {
	if rx.stash != nil {
		rx.rest = b // a part of the stash already
		return
	}
	rx.stash = rx.pool.Get(len(b))
	rx.stash.B = append(rx.stash.B, b...)
	rx.rest = rx.stash.B
}

func (rx *receiver) dropStash() {
	if rx.stash != nil {
		rx.stash.Release()
		rx.stash, rx.rest = nil, nil
	}
}

// atRest tells whether nothing would be lost with the receiver.
func (rx *receiver) atRest() bool {
	return rx.stash == nil && rx.msg == nil && rx.inflation == nil && rx.dec.AtRest()
}

func copyOf(pool *buffer.Pool, p []byte) *buffer.Buffer {
	b := pool.Get(len(p))
	b.B = append(b.B, p...)
	return b
}
