package buffer

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// Structs lends values of one type, as a [Pool] lends buffers. The pool counts the bytes of
// those that are lent. Safe from any goroutine.
//
// One value lies ready, since most are given back before the next is needed. Lending that
// one costs a single atomic operation: whether it is lent is seen where it lies, so that
// nothing has to be counted.
type Structs[T any] struct {
	pool  *Pool
	new   func() *T
	ready atomic.Pointer[T]
	rest  sync.Pool // *T
}

// Init has the pool count the values, which newT makes. A pool counts those of one type.
// Before the first Get.
func (s *Structs[T]) Init(pool *Pool, newT func() *T) {
	s.pool, s.new = pool, newT
	s.ready.Store(newT())
	pool.spare = func() int64 {
		if s.ready.Load() == nil {
			return int64(s.size())
		}
		return 0
	}
}

func (s *Structs[T]) size() int {
	var v T
	return int(unsafe.Sizeof(v))
}

// Get lends a value, as it was given back.
func (s *Structs[T]) Get() *T {
	if v := s.ready.Swap(nil); v != nil {
		return v
	}
	return s.getCounted()
}

func (s *Structs[T]) getCounted() *T {
	s.pool.Charge(s.size())
	if v, _ := s.rest.Get().(*T); v != nil {
		return v
	}
	return s.new()
}

// Put takes a value back.
func (s *Structs[T]) Put(v *T) {
	if !s.ready.CompareAndSwap(nil, v) {
		s.pool.Charge(-s.size())
		s.rest.Put(v)
	}
}
