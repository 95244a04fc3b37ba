package client

import "sync"

// busy counts what Shutdown waits for. The zero value is ready. Its methods are safe from any goroutine.
type busy struct {
	mu   sync.Mutex
	n    int           // guarded by mu: begun and not ended
	idle chan struct{} // guarded by mu: closed when n is 0; nil without a waiter
}

func (b *busy) begin() {
	b.mu.Lock()
	b.n++
	b.mu.Unlock()
}

func (b *busy) end() {
	b.mu.Lock()
	if b.n--; b.n == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
	b.mu.Unlock()
}

// done is closed once nothing is left.
func (b *busy) done() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.idle == nil {
		b.idle = make(chan struct{})
	}
	idle := b.idle
	if b.n == 0 {
		close(b.idle)
		b.idle = nil
	}
	return idle
}
