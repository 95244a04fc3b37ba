// Package buffer lends byte buffers by size class.
//
// A [Pool] belongs to one event loop and may be used from any goroutine: a
// buffer taken on the loop is often given back by the goroutine that ran a
// callback. What lies idle is the garbage collector's to reclaim, so that a
// burst does not stay in the process for ever.
package buffer

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Size classes are the powers of two between these, in bytes. A smaller wish is
// rounded up; a larger one is met by the heap and not pooled, since a class so
// rarely used would only keep memory from everyone else.
const (
	MinSize = 512
	MaxSize = 32 << 20

	minShift = 9
	classes  = 17 // 512 B << 16 == 32 MiB
	large    = 7  // from this class on a shelf keeps the buffers: 64 KiB
)

// Buffer is a byte slice on loan. The holder owns B until Release.
type Buffer struct {
	B    []byte
	pool *Pool
}

// Of is an empty buffer over memory of the caller's, which Release empties and leaves
// to the caller. No pool counts it.
func Of(space []byte) Buffer { return Buffer{B: space[:0]} }

// Pool lends buffers. The zero value is ready. Safe from any goroutine.
type Pool struct {
	small   [large]sync.Pool
	shelves [classes - large]shelf
	lent    atomic.Int64
	bytes   atomic.Int64

	watch func()       // nil: nobody watches
	mark  atomic.Int64 // in bytes
	ample func() bool  // nil: there is always enough

	spare func() int64 // see Structs; nil: there are none
}

// Watch has f called by each Get that comes with more bytes lent than the mark, on
// its goroutine: f must not take locks that a caller of Get may hold. Before the first
// Get.
func (p *Pool) Watch(f func()) { p.watch = f }

// SetMark sets the mark for Watch.
func (p *Pool) SetMark(bytes int64) { p.mark.Store(bytes) }

// SetAmple sets how TryGet knows whether there is memory for a loan that can be done without. Before the
// first Get. f takes no locks, as that of Watch.
func (p *Pool) SetAmple(f func() bool) { p.ample = f }

// TryGet is Get for a buffer that can be done without. It returns nil while memory is not ample.
func (p *Pool) TryGet(n int) *Buffer {
	if p.ample != nil && !p.ample() {
		return nil
	}
	return p.Get(n)
}

// Get lends an empty buffer with room for at least n bytes.
func (p *Pool) Get(n int) *Buffer {
	class := classOf(n)
	var b *Buffer
	if class < classes {
		b = p.idle(class)
		n = MinSize << class
	}
	if b == nil {
		b = &Buffer{B: make([]byte, 0, n), pool: p}
	}
	p.lent.Add(1)
	count(1)
	p.Charge(cap(b.B))
	return b
}

// Charge counts n bytes that are lent beside the buffers, or given back if n is negative.
func (p *Pool) Charge(n int) {
	if n := p.bytes.Add(int64(n)); p.watch != nil && n > p.mark.Load() {
		p.watch()
	}
}

// Release gives the buffer back; its bytes belong to somebody else from then on.
func (b *Buffer) Release() {
	Poison(b.B[:cap(b.B)])
	b.B = b.B[:0]
	p := b.pool
	if p == nil {
		return
	}
	p.lent.Add(-1)
	count(-1)
	p.bytes.Add(-int64(cap(b.B)))
	if class := classOf(cap(b.B)); class < classes {
		p.keep(class, b)
	}
}

// Disown leaves the bytes to whoever has them, and to the garbage collector. The pool counts the
// buffer no more, and Release only empties it.
func (b *Buffer) Disown() {
	p := b.pool
	if p == nil {
		return
	}
	b.pool = nil
	p.lent.Add(-1)
	count(-1)
	p.bytes.Add(-int64(cap(b.B)))
}

// Move makes the buffer a loan of another pool, which it goes back to. A disowned buffer has no pool to move from.
func (b *Buffer) Move(to *Pool) {
	from := b.pool
	if from == nil || from == to {
		return
	}
	b.pool = to
	from.lent.Add(-1)
	from.bytes.Add(-int64(cap(b.B)))
	to.lent.Add(1)
	to.Charge(cap(b.B))
}

// idle is a buffer of the class that nobody has, or nil.
func (p *Pool) idle(class int) *Buffer {
	if class >= large {
		return p.shelves[class-large].get()
	}
	b, _ := p.small[class].Get().(*Buffer)
	return b
}

// keep has idle find the buffer.
func (p *Pool) keep(class int, b *Buffer) {
	if class >= large {
		p.shelves[class-large].put(b)
	} else {
		p.small[class].Put(b)
	}
}

// Lent is how many buffers are out, and how many bytes they hold in all, with what was
// charged and what [Structs] have lent.
func (p *Pool) Lent() (buffers, bytes int64) {
	bytes = p.bytes.Load()
	if p.spare != nil {
		bytes += p.spare()
	}
	return p.lent.Load(), bytes
}

// Size is how many bytes the buffer has that Get(n) lends.
func Size(n int) int {
	if class := classOf(n); class < classes {
		return MinSize << class
	}
	return n
}

// classOf is the smallest class whose buffers hold n bytes; classes, if none.
func classOf(n int) int {
	if n <= MinSize {
		return 0
	}
	return min(bits.Len(uint(n-1))-minShift, classes)
}
