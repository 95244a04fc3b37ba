package session

import (
	"bytes"
	"io"
	"strings"

	"github.com/framerail/framerail/internal/buffer"
)

// Reader reads one message while it is still arriving. It is given to a Stream
// callback, is for that callback's goroutine alone, and ends with its return.
//
// Bytes that are not read stop the socket from being read, so that memory is
// bounded by the callback queue's bound however long the message is. While Read
// waits, the connection's ping and pong callbacks may run inside it, so that
// they neither overtake the message nor wait for all of it.
type Reader struct {
	conn  *Conn
	typ   MessageType
	buf   *buffer.Buffer // the piece being read; nil between two
	piece []byte         // what is left of it
	last  bool           // the piece is the message's last
	err   error
	owned bool // buf was given to the reader to release
	ended bool // guarded by the connection's mu: the callback has returned
}

// stream runs the Stream callback for the message that begins with ev.
func (ev event) stream(c *Conn, h *Handlers) {
	if h.Stream == nil && h.Message == nil {
		if ev.kind == eventPiece {
			ev.buf.Release() // with no callback left the following pieces are dropped as they come
		}
		return
	}
	r := &Reader{conn: c, typ: ev.op, buf: ev.buf, piece: ev.buf.B, last: ev.last, owned: true}
	if ev.kind == eventMessage {
		r.last, r.owned = true, false
	}
	defer r.done()
	if h.Stream != nil {
		h.Stream(c, r)
		return
	}
	// The Stream callback was taken back after this message had begun.
	if whole, err := r.ReadAll(); err == nil {
		h.Message(c, Message{Type: r.typ, Payload: whole})
	}
}

// Type is the message's, known from its first frame on.
func (r *Reader) Type() MessageType { return r.typ }

// Read reads what has come of the message, and waits if nothing has. It ends with
// io.EOF at the message's end. If the connection ends first, or the text turns out
// not to be UTF-8, it fails with the reason: a *frame.Error, an *OpError,
// ErrClosed after this side's Close, or an error that matches io.ErrUnexpectedEOF.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, r.err
	}
	for {
		if len(r.piece) > 0 {
			n := copy(p, r.piece)
			r.piece = r.piece[n:]
			return n, nil
		}
		if r.err != nil {
			return 0, r.err
		}
		r.advance()
	}
}

// ReadAll reads the rest of the message, which the caller may keep. It fails as
// Read does; the error at the message's end is nil.
func (r *Reader) ReadAll() ([]byte, error) {
	var b bytes.Buffer
	_, err := io.Copy(&b, onlyReader{r})
	return b.Bytes(), err
}

// ReadString is ReadAll as a string.
func (r *Reader) ReadString() (string, error) {
	var b strings.Builder
	_, err := io.Copy(&b, onlyReader{r})
	return b.String(), err
}

// onlyReader hides all but Read, lest io.Copy look for more.
type onlyReader struct{ io.Reader }

// advance gives back the piece that was read and takes the next, waiting for it;
// or it sets err.
func (r *Reader) advance() {
	r.drop()
	if r.last {
		r.err = io.EOF
		return
	}
	c := r.conn
	for r.buf == nil && r.err == nil {
		c.mu.Lock()
		in := c.in // there is one while the callback runs
		for !r.ended && in.waiting() == 0 {
			in.readers++
			c.loop.wait(&in.more)
			in.readers--
		}
		if r.ended { // misuse, by another goroutine: the events are not its to take
			c.mu.Unlock()
			r.err = ErrReaderDone
			return
		}
		if in.items[in.head].kind == eventClose {
			r.err = c.end.info.Err // the event is the connection's goroutine's, after the callback
			c.mu.Unlock()
			if r.err == nil {
				r.err = ErrMessageCut
			}
			return
		}
		if in.items[in.head].kind == eventDo { // for the time after the callback
			in.later = append(in.later, in.pop())
			c.mu.Unlock()
			continue
		}
		ev, wake := in.next()
		c.mu.Unlock()
		if wake {
			c.loop.host.Schedule(c)
		}
		switch ev.kind {
		case eventPiece:
			r.buf, r.piece, r.last = ev.buf, ev.buf.B, ev.last
		case eventCut:
			r.err = ev.err
		case eventEnd, eventFail:
			ev.run(c) // first, because the callback may close with a code of its own
			if r.err = ev.err; r.err == nil {
				r.err = ErrMessageCut
			}
		default:
			ev.runQueued(c)
		}
	}
}

// drop gives the current piece back.
func (r *Reader) drop() {
	if r.buf != nil && r.owned {
		r.buf.Release()
	}
	r.buf, r.piece, r.owned = nil, nil, true
}

// done ends the reader with its callback. What was left unread is dropped: here
// what has come, by the connection's goroutine what is still to come.
func (r *Reader) done() {
	c := r.conn
	c.mu.Lock()
	r.ended = true
	c.in.more.Broadcast()
	c.mu.Unlock()
	r.drop()
	r.err = ErrReaderDone
}
