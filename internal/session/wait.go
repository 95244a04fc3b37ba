package session

import (
	stdcontext "context"
	"sync"

	"github.com/framerail/framerail/frame"
)

// sendWait waits for room, and then sends.
func (c *Conn) sendWait(ctx stdcontext.Context, t MessageType, payload []byte, plain bool) error {
	size := len(payload)
	if plain || !c.compresses(size) {
		c.mu.Lock()
		defer c.unlockAndWake()
		if err := c.awaitTurn(ctx, c.frameSize(size)); err != nil {
			return err
		}
		return c.sendMessageLocked(frame.Header{Fin: true, Opcode: t}, payload, "")
	}
	p := c.pack(payload)
	defer p.buf.Release()
	if p.alone {
		size = min(size, len(p.b))
	}
	c.mu.Lock()
	defer c.unlockAndWake()
	if err := c.awaitTurn(ctx, c.frameSize(size)); err != nil {
		return err
	}
	return c.sendPacked(t, payload, "", p)
}

// waiter is a SendAsWait that waits. Guarded by the connection's mu.
type waiter struct {
	next  *waiter
	size  int       // of its frame, in bytes
	ready sync.Cond // signalled when it should look again
}

// waiters are those of a queue, which is not given back while there are any.
type waiters struct{ first, last *waiter }

func (ws *waiters) add(w *waiter) {
	if ws.first == nil {
		ws.first = w
	} else {
		ws.last.next = w
	}
	ws.last = w
}

func (ws *waiters) remove(w *waiter) {
	var before *waiter
	for at := ws.first; at != nil; before, at = at, at.next {
		if at != w {
			continue
		}
		if before == nil {
			ws.first = w.next
		} else {
			before.next = w.next
		}
		if ws.last == w {
			ws.last = before
		}
		return
	}
}

// wakeAll wakes every waiter of a connection that is closing.
func (ws *waiters) wakeAll() {
	for w := ws.first; w != nil; w = w.next {
		w.ready.Signal()
	}
	*ws = waiters{}
}

// awaitTurn waits until it is the caller's turn to send a frame of n bytes and there is
// room for it. mu is held, but not all the while.
func (c *Conn) awaitTurn(ctx stdcontext.Context, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if (c.tx == nil || c.tx.waiters.first == nil) && c.makeRoomToWait(n) {
		return c.openErr()
	}
	w := &waiter{size: n}
	w.ready.L = &c.mu
	c.tx.waiters.add(w)
	stop := stdcontext.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		w.ready.Signal()
	})
	defer stop()
	for c.State() == Open {
		if c.tx.waiters.first == w && c.makeRoomToWait(n) || ctx.Err() != nil {
			break
		}
		c.loop.wait(&w.ready)
	}
	return c.endTurn(ctx, w)
}

// endTurn takes w out, so that the next one has its turn.
func (c *Conn) endTurn(ctx stdcontext.Context, w *waiter) error {
	if err := c.openErr(); err != nil {
		return err // wakeAll was called
	}
	q := c.tx
	q.waiters.remove(w)
	if next := q.waiters.first; next != nil {
		next.ready.Signal()
	}
	err := ctx.Err()
	if err != nil {
		c.flush() // so that the queue is given back, if w has kept it
	}
	return err
}

// openErr is ErrClosed unless messages can be sent. mu is held.
func (c *Conn) openErr() error {
	if c.State() != Open {
		return ErrClosed
	}
	return nil
}

// makeRoomToWait is hasRoom, if need be after sending what merely waits for the loop's
// turn. It is true, too, if the connection broke. mu is held.
func (c *Conn) makeRoomToWait(n int) bool {
	for {
		q := c.tx
		switch {
		case q == nil, c.State() != Open, c.hasRoom(q, n):
			return true
		case q.blocked, q.main.Empty():
			return false
		}
		c.flush()
	}
}

// hasRoom tells whether a frame of n bytes need not wait. mu is held.
func (c *Conn) hasRoom(q *queue, n int) bool {
	n = min(n, c.limits().MaxPending) // compressed it may fit, and otherwise it is refused
	total, behind := c.lack(q, n)
	return total <= 0 && behind <= 0 && q.pending() <= c.limits().MaxPending/4
}

// callWaiter has the first that waits look again, if there is room for it now. mu is held.
func (c *Conn) callWaiter(q *queue) {
	if w := q.waiters.first; w != nil && c.hasRoom(q, w.size) {
		w.ready.Signal()
	}
}
