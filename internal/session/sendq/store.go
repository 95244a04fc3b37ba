package sendq

import (
	"crypto/rand"
	"sync"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/mask"
)

// Store is what the queues of a loop's connections take their memory from. Safe from any
// goroutine.
type Store struct {
	// Pool lends the buffers, and counts all that queues are lent.
	Pool *buffer.Pool

	backlogs sync.Pool // *backlog
	vectors  sync.Pool // *Vector
	keys     sync.Pool // *maskingKeys
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

// maskingKeys are random bytes, drawn many at once. The last left bytes are not used yet.
type maskingKeys struct {
	random [256]byte
	left   int
}

// NewMaskingKey draws a key that an attacker cannot predict (RFC 6455 10.3).
func (s *Store) NewMaskingKey() mask.Key {
	k, _ := s.keys.Get().(*maskingKeys)
	if k == nil {
		k = new(maskingKeys)
	}
	if k.left == 0 {
		_, _ = rand.Read(k.random[:]) // never fails
		k.left = len(k.random)
	}
	key := mask.KeyFromBytes([4]byte(k.random[len(k.random)-k.left:]))
	k.left -= 4
	s.keys.Put(k)
	return key
}
