package session

import (
	stdcontext "context" // the package has a type of that name
	"io"

	"github.com/framerail/framerail/frame/deflate"
)

// ReadFrom is CopyFrom with a context that does not end. io.Copy uses it, unless the
// source has a WriteTo of its own: that one decides how much it gives to Write at once,
// so call ReadFrom or CopyFrom yourself then.
func (w *Writer) ReadFrom(r io.Reader) (n int64, err error) {
	return w.CopyFrom(stdcontext.Background(), r)
}

// CopyFrom forwards r to its end as fragments of the message, each as large as
// what a Read gave. Like [Conn.SendAsWait] it waits while more than a quarter of the bound
// on pending bytes is in use, so that memory stays bounded however slow the peer
// is. On an event loop that its callback cannot lose it fails with ErrOnLoop. Once ctx is done it fails with
// ctx's error instead of waiting any longer; it does not interrupt a Read of r's. It fails
// with ErrNotUTF8 as Write does. The n
// bytes before that were sent, and what else was read is lost. The message is left open,
// and the Writer usable, however CopyFrom ends.
func (w *Writer) CopyFrom(ctx stdcontext.Context, r io.Reader) (n int64, err error) {
	if staysOnLoop() {
		return 0, ErrOnLoop
	}
	if ctx.Done() != nil {
		defer stdcontext.AfterFunc(ctx, w.lookAgain)()
	}
	if err := w.flushWhenRoom(ctx); err != nil {
		return 0, err
	}
	_, most := w.sizes()
	size := min(copySize, most)
	buf := w.conn.loop.pool.Get(size)
	defer buf.Release()
	for {
		m, err := r.Read(buf.B[:size])
		if m > 0 {
			p := buf.B[:m]
			behind, err := w.text.check(p)
			if err == nil {
				err = w.sendWhenRoom(ctx, p)
			}
			if err != nil {
				return n, err
			}
			w.text.taken(p, m, behind)
			n += int64(m)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// lookAgain wakes CopyFrom if it waits.
func (w *Writer) lookAgain() {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	w.room.Broadcast()
}

// copySize is the most that CopyFrom reads at once, in bytes.
const copySize = 16 << 10

// sendWhenRoom is send of a fragment that is not the last, once less than a quarter
// of the bound is in use. The caller holds nothing, as for the next one.
func (w *Writer) sendWhenRoom(ctx stdcontext.Context, p []byte) error {
	c := w.conn
	c.mu.Lock()
	defer c.unlockAndWake()
	if err := w.awaitRoom(ctx, len(p)); err != nil {
		return err
	}
	return w.send(p, false)
}

// flushWhenRoom is the same for what was gathered.
func (w *Writer) flushWhenRoom(ctx stdcontext.Context) error {
	c := w.conn
	c.mu.Lock()
	defer c.unlockAndWake()
	if w.buffered() == 0 {
		return w.usable()
	}
	if err := w.awaitRoom(ctx, w.buffered()); err != nil {
		return err
	}
	return w.flush()
}

// awaitRoom waits until there is room for a fragment of n bytes and less than a quarter
// of the bound is in use. mu is held, but not all the while.
func (w *Writer) awaitRoom(ctx stdcontext.Context, n int) error {
	c := w.conn
	if w.deflate {
		n = deflate.Bound(n)
	}
	size := c.frameSize(n)
	for {
		if err := w.usable(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		q := c.tx
		if q.main.Len() <= c.limits().MaxPending/4 && q.fits(size, c.limits().MaxPending) || q.main.Empty() && q.held == 0 {
			return nil
		}
		if !q.blocked {
			c.flush() // rather than wait for the loop to do it
			continue
		}
		// The loop has been asked to attend to what is pending, or is about to: it
		// will find the transport full, wait for it, and tell.
		leaveLoop()
		w.waiting = true
		c.loop.wait(&w.room)
		w.waiting = false
	}
}
