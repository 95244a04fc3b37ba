package session

import "sync"

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
