package server

import (
	"sync"

	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/session"
)

// sessions counts connections from their Open to the return of their Close
// callback, and how they end once the server drains. The zero value is ready; its
// methods are safe from any goroutine.
type sessions struct {
	loop.Tasks          // until the close callback has returned
	streams    sync.Map // *tenant to *nethttp.Stream: those over HTTP/2, until then too

	mu guard.LoneMutex
	// Guarded by mu.
	open     int   // transport not yet closed
	draining bool  // ends count
	ends     Drain // Open aside
}

// Begin counts a connection that is about to open. End does so once its close callback has
// returned.
func (s *sessions) Begin() {
	s.Tasks.Begin()
	s.mu.Lock()
	s.open++
	s.mu.Unlock()
}

// closed notes how a connection ended whose transport is closed.
func (s *sessions) closed(info session.CloseInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if !s.draining {
		return
	}
	s.ends.Lost += int64(info.Unsent)
	if info.Clean() {
		s.ends.Clean++
	} else {
		s.ends.Forced++
	}
}

// beginDrain has closed count from now on.
func (s *sessions) beginDrain() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
}

// drained is what became of the connections since beginDrain.
func (s *sessions) drained() Drain {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.ends
	d.Open = s.open
	return d
}
