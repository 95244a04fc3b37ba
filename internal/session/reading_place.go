package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// longReads is how many reads of the usual size fit into the loop's buffer at most, once it has had
// messages that were longer than one: a message of 1 MiB. To read and unmask that takes a tenth of a
// millisecond.
const longReads = 16

// readBuffer is a loop's buffer for reading. Owned by the loop.
type readBuffer struct {
	readBuf   []byte // as long as a read is; its capacity grows with long messages
	longReads int    // how many reads it may hold
}

// place leaves the first piece of a message where it is, if it fills the loop's read buffer to its
// end. The rest is read behind it, in the same turn. If all of that is at hand nothing is copied, and
// no memory is lent. place reports whether it has done so.
//
// The buffer grows when such messages come, so that a loop without any has a small one.
func (d *reading) place(rx *receiver, ev frame.Event) bool {
	l, n := d.loop, len(ev.Payload)
	at := len(l.readBuf) - n
	if !ev.First || n == 0 || at < 0 || &l.readBuf[at] != &ev.Payload[0] {
		return false
	}
	missing := rx.dec.Remaining()
	if l.longReads < 2 || rx.msg != nil || missing == 0 || l.Short != nil && l.Short() {
		return false
	}
	if reads := l.readsFor(missing); cap(l.readBuf) < reads*len(l.readBuf) {
		long := make([]byte, len(l.readBuf), reads*len(l.readBuf))
		copy(long[at:], ev.Payload)
		l.readBuf = long
	}
	rx.asm.Buf = l.readBuf[at:]
	rx.here = buffer.Of(rx.asm.Buf[:n:n])
	rx.msg = &rx.here
	return true
}

// readsFor is how many reads the loop's buffer is to be long for a message of which that much is missing
// after the first.
func (l *Loop) readsFor(missing int64) (reads int) {
	for reads = 2; reads < l.longReads && int64((reads-1)*len(l.readBuf)) < missing; reads *= 2 {
	}
	return reads
}

// inPlace tells whether the message in progress lies in the loop's read buffer.
func (rx *receiver) inPlace() bool { return rx.msg == &rx.here }

// goesOn tells whether it does, and more of its frame can be read there.
func (rx *receiver) goesOn() bool {
	return rx.inPlace() && rx.dec.Remaining() > 0 && len(rx.asm.Buf) < cap(rx.asm.Buf)
}

// moveOut moves it to a buffer of its own.
func (rx *receiver) moveOut() {
	rx.msg = copyOf(rx.pool, rx.asm.Buf)
	rx.asm.Buf = rx.msg.B
}
