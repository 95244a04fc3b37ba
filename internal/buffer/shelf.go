package buffer

import (
	"runtime"
	"sync"
)

// A shelf keeps the idle buffers of one large size class, for all threads together.
//
// A sync.Pool keeps some of them for each thread, where no other finds them: a goroutine
// that has moved to another thread allocates. A small buffer costs little. A large one
// brings the next collection of garbage near, which empties the pool, so that more are allocated.
//
// As with a sync.Pool, what has lain on the shelf for two collections is the collector's.
type shelf struct {
	mu       sync.Mutex
	fresh    []*Buffer // put here since the last collection
	old      []*Buffer // before it
	watching bool      // the next collection will call age
}

func (s *shelf) put(b *Buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh = append(s.fresh, b)
	if !s.watching {
		s.watching = true
		s.watch()
	}
}

// get is the buffer that was put last, or nil.
func (s *shelf) get() (b *Buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fresh, b = pop(s.fresh); b == nil {
		s.old, b = pop(s.old)
	}
	return b
}

func pop(from []*Buffer) ([]*Buffer, *Buffer) {
	last := len(from) - 1
	if last < 0 {
		return from, nil
	}
	b := from[last]
	from[last] = nil
	return from[:last], b
}

// watch has the next collection call age.
func (s *shelf) watch() {
	// An object of this size has a block of memory of its own, so that it dies by itself.
	unused := new([16]uintptr)
	runtime.AddCleanup(unused, (*shelf).age, s)
}

// age drops what has lain here since before the collection before last.
func (s *shelf) age() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.old)
	s.fresh, s.old = s.old[:0], s.fresh
	if s.watching = len(s.old) > 0; s.watching {
		s.watch()
	}
}
