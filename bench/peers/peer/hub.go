package peer

import "sync"

// A Hub holds the connections of a server, for the libraries that keep no list of them. Its
// zero value is empty. It is safe for concurrent use.
type Hub[C comparable] struct {
	mu    sync.Mutex
	conns map[C]struct{}
}

func (h *Hub[C]) Add(c C) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns == nil {
		h.conns = make(map[C]struct{})
	}
	h.conns[c] = struct{}{}
}

func (h *Hub[C]) Remove(c C) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
}

// Each calls f for each connection, one after the other. The connections cannot change
// meanwhile, and no two calls of Each run at once.
func (h *Hub[C]) Each(f func(C)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		f(c)
	}
}
