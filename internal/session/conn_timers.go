package session

import "time"

// timers are the functions of AfterFunc whose time has not come, as a heap by it. Guarded by
// the connection's mu.
type timers struct {
	heap []timer
	last uint64 // the number of the latest
}

type timer struct {
	due time.Duration // by Loop.Now
	n   uint64
	f   func(*Conn)
}

func (t *timer) before(o *timer) bool { return t.due < o.due || t.due == o.due && t.n < o.n }

// add adds t, and tells whether it is the first now.
func (h *timers) add(t timer) (first bool) {
	h.heap = append(h.heap, t)
	return h.up(len(h.heap)-1) == 0
}

// remove takes out the i-th.
func (h *timers) remove(i int) {
	last := len(h.heap) - 1
	h.heap[i] = h.heap[last]
	h.heap[last] = timer{}
	h.heap = h.heap[:last]
	if i < last {
		h.down(h.up(i))
	}
}

// up moves the i-th towards the head as far as it belongs, and returns where to.
func (h *timers) up(i int) int {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.heap[i].before(&h.heap[parent]) {
			break
		}
		h.heap[i], h.heap[parent] = h.heap[parent], h.heap[i]
		i = parent
	}
	return i
}

func (h *timers) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.heap) {
			return
		}
		if child+1 < len(h.heap) && h.heap[child+1].before(&h.heap[child]) {
			child++
		}
		if !h.heap[child].before(&h.heap[i]) {
			return
		}
		h.heap[i], h.heap[child] = h.heap[child], h.heap[i]
		i = child
	}
}
