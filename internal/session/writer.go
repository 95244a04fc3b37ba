package session

import (
	"errors"

	"github.com/framerail/framerail/frame"
)

// Writer writes one message in fragments (RFC 6455 5.4). It implements
// io.WriteCloser, io.StringWriter and io.ReaderFrom, and is for one goroutine at a
// time.
//
// Other messages to the same peer wait until this one is closed, within half of the
// bound on pending bytes; control frames pass between its fragments. A message that
// was begun must be closed: there is no other way to end it but to close the
// connection. Once that closes, every method fails with ErrClosed.
type Writer struct {
	conn *Conn
	text textSoFar

	// Guarded by the connection's mu.
	next    frame.Opcode // Text or Binary, Continuation after the first fragment
	deflate bool         // the message is compressed
	closed  bool
	openMessage
}

// NewWriter begins a message of type t. There is one Writer at a time for a
// connection: a second fails with ErrWriterOpen. Where compression was agreed on, the
// fragments are compressed as one message.
func (c *Conn) NewWriter(t MessageType) (*Writer, error) {
	if err := sendable(t, false, nil); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() != Open {
		return nil, ErrClosed
	}
	if c.tx != nil && c.tx.writer != nil {
		return nil, ErrWriterOpen
	}
	w := &Writer{conn: c, text: textSoFar{checks: t == Text}, next: t, deflate: c.agreement().deflate()}
	w.room.L = &c.mu
	c.out().writer = &w.openMessage
	return w, nil
}

// errBegun is what DisableCompression returns when it comes too late.
var errBegun = errors.New("framerail: part of the message has been sent already")

// DisableCompression leaves the message uncompressed. It fails once a fragment was sent.
func (w *Writer) DisableCompression() error {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	if w.deflate && w.next == frame.Continuation {
		return errBegun
	}
	w.deflate = false
	return nil
}

// Write adds p to the message; it keeps none of p. It never blocks. Short writes
// are gathered into fragments of WriterSize; a longer p goes out as it is, in
// fragments of at most a quarter of the bound on pending bytes. Of an error, n
// bytes were taken; ErrPendingFull means that the rest can be tried again once the
// connection has drained. Of text that cannot become UTF-8 with what was written before,
// none is taken, and the error is ErrNotUTF8; a character may be written in parts.
func (w *Writer) Write(p []byte) (n int, err error) {
	behind, err := w.text.check(p)
	if err != nil {
		return 0, err
	}
	n, err = w.write(p)
	w.text.taken(p, n, behind)
	return n, err
}

// write is Write of what was checked.
func (w *Writer) write(p []byte) (n int, err error) {
	c := w.conn
	c.mu.Lock()
	defer c.unlockAndWake()
	if err := w.usable(); err != nil {
		return 0, err
	}
	size, most := w.sizes()
	for n < len(p) {
		if rest := p[n:]; w.buffered() == 0 && len(rest) >= size {
			part := rest[:min(len(rest), most)]
			if err := w.send(part, false); err != nil {
				return n, err
			}
			n += len(part)
			continue
		}
		n += w.gather(p[n:], size)
		if w.buffered() < size {
			break
		}
		if err := w.flush(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// WriteString is Write for a string, without a copy of it.
func (w *Writer) WriteString(s string) (int, error) { return w.Write(bytesOf(s)) }

// Flush sends what was gathered as a fragment. Without any it sends nothing.
func (w *Writer) Flush() error {
	c := w.conn
	c.mu.Lock()
	defer c.unlockAndWake()
	if err := w.usable(); err != nil {
		return err
	}
	return w.flush()
}

// Close sends the message's last fragment, with what was gathered. If that fails
// with ErrPendingFull it can be tried again, and with ErrNotUTF8, because text ends within
// a character, once the rest of that is written.
func (w *Writer) Close() error {
	c := w.conn
	c.mu.Lock()
	defer c.unlockAndWake()
	if err := w.usable(); err != nil {
		w.closed = true
		return err
	}
	if err := w.text.end(); err != nil {
		return err
	}
	var rest []byte
	if w.buf != nil {
		rest = w.buf.B
	}
	err := w.send(rest, true)
	if err != ErrPendingFull {
		w.drop()
		w.closed = true
	}
	return err
}

// usable tells why nothing can be written; nil if it can. mu is held, as for all
// that follows.
func (w *Writer) usable() error {
	switch {
	case w.closed:
		return ErrWriterClosed
	case w.conn.State() != Open:
		return ErrClosed
	}
	return nil
}

func (w *Writer) buffered() int {
	if w.buf == nil {
		return 0
	}
	return len(w.buf.B)
}

// sizes are how many bytes are gathered for a fragment, and how many one has at
// most. Such a fragment always fits once what was sent before it has left, since
// what waits behind the message takes half of the bound at most. What is being gathered
// keeps its buffer, be the bound larger by now, or smaller than what that holds.
func (w *Writer) sizes() (gather, most int) {
	most = max(1, w.conn.limits().MaxPending/4)
	if w.deflate {
		most = min(most, compressLocked)
	}
	gather = min(WriterSize, most)
	if w.buf != nil {
		gather = min(gather, cap(w.buf.B))
	}
	return gather, most
}

// gather copies as much of p as size leaves room for.
func (w *Writer) gather(p []byte, size int) int {
	if w.buf == nil {
		w.buf = w.conn.loop.pool.Get(size)
	}
	n := max(0, min(len(p), size-len(w.buf.B)))
	w.buf.B = append(w.buf.B, p[:n]...)
	return n
}

// flush sends what was gathered.
func (w *Writer) flush() error {
	if w.buffered() == 0 {
		return nil
	}
	if err := w.send(w.buf.B, false); err != nil {
		return err
	}
	w.buf.Release() // the bound may be another when the next is gathered
	w.buf = nil
	return nil
}

// send sends one fragment. Behind the last one go the messages that waited for it.
func (w *Writer) send(p []byte, fin bool) error {
	c := w.conn
	h, payload := frame.Header{Fin: fin, Opcode: w.next}, p
	if w.next != frame.Continuation && fin && !c.compresses(len(p)) {
		w.deflate = false // it is short, and all there is
	}
	if w.deflate {
		packed, buf := w.pack(p, fin)
		defer buf.Release()
		h.RSV1, payload = w.next != frame.Continuation, packed
	}
	// By OverflowDropOldest a message in one frame could be dropped like any other.
	alone := fin && w.next != frame.Continuation && c.overflow == OverflowDropOldest
	size := c.frameSize(len(payload))
	if alone {
		h.Fin = false
		size += c.frameSize(0)
	}
	if err := c.makeWriterRoom(size); err != nil {
		return err
	}
	if err := c.sendFrame(h, payload); err != nil {
		return err
	}
	if alone {
		if err := c.sendFrame(frame.Header{Fin: true, Opcode: frame.Continuation}, nil); err != nil {
			return err
		}
	}
	if w.deflate {
		w.packed(p)
	}
	w.next = frame.Continuation
	if fin {
		q := c.tx      // the open Writer kept it there
		q.wakeWriter() // another goroutine may wait with it, in vain
		q.writer = nil
		q.main.Join(&c.loop.sends, &w.behind)
		c.writerEnded()
		q.callWaiter(c.limits().MaxPending)
		c.boundPending(q)
	}
	return nil
}

// WriterSize is how many bytes a Writer gathers before it sends a fragment; fewer
// where a quarter of [Config].MaxPending is less.
const WriterSize = 4 << 10
