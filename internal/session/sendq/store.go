package sendq

import (
	"sync"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// Store is what the queues of a loop's connections take their memory from. Safe from any
// goroutine.
type Store struct {
	// Pool lends the buffers, and counts all that queues are lent.
	Pool *buffer.Pool

	backlogs sync.Pool // *backlog
	vectors  sync.Pool // *Vector
	keys     sync.Pool // *maskingKeys, a stream for each thread
}

func (s *Store) lendBacklog() *backlog {
	m, _ := s.backlogs.Get().(*backlog)
	if m == nil {
		m = &backlog{store: s}
	}
	m.charge()
	return m
}

// Vector is memory for one call of a transport: what a queue holds, and a frame behind it.
type Vector struct {
	Head    [frame.MaxHeaderLen]byte
	Buffers [MaxVector + 2][]byte
}

// LendVector lends a Vector for the length of a call.
func (s *Store) LendVector() *Vector {
	if v, _ := s.vectors.Get().(*Vector); v != nil {
		return v
	}
	return new(Vector)
}

// TakeVector takes one back.
func (s *Store) TakeVector(v *Vector) {
	clear(v.Buffers[:])
	s.vectors.Put(v)
}
