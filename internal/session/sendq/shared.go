package sendq

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/mask"
)

// Frame is one frame, header and payload, that the queues of any number of connections
// share. Its bytes never change until nobody holds it. It is not masked, so it is for
// connections on which this side is the server. A client has a frame of its own, by
// [Frame.Masked]. Safe from any goroutine.
//
// While queues hold the frame, one pool counts its memory, once: that of the queue that held it
// first. When no queue holds it any more, none counts it, and the next queue is a first one again.
type Frame struct {
	// Tag is the maker's. Set before the frame is queued.
	Tag Tag

	iov    [1][]byte // its bytes, as transports take them
	header frame.Header
	refs   atomic.Int64 // queues that hold it, and owner for each other holder

	mu   sync.Mutex
	pool *buffer.Pool // guarded by mu: it counts the frame. nil: none does
}

// Tag says which message a frame has: whose, and its number there.
type Tag struct {
	Of     any
	Number uint64
}

// owner is what a holder that is no queue counts in Frame.refs.
const owner = 1 << 32

// Frames that nobody holds are used again, by size.
const (
	minFrame     = 64 // bytes
	minFrameBits = 6
	frameClasses = 11 // 64 B << 10 == 64 KiB; a larger frame is the collector's
)

var frames [frameClasses]sync.Pool // *Frame

// NewFrame copies a frame. The caller holds it until it calls [Frame.Release]. A frame that
// is never released is the garbage collector's. The header's payload length and masking are
// set here.
func NewFrame(h frame.Header, payload []byte) *Frame {
	h.Masked, h.MaskingKey = false, 0
	return newFrame(h, payload)
}

// Masked copies the frame with its tag, and masks the copy with the key (RFC 6455 5.3). The caller
// holds the copy until it calls Release.
func (f *Frame) Masked(key mask.Key) *Frame {
	h := f.header
	h.Masked, h.MaskingKey = true, key
	masked := newFrame(h, f.Payload())
	masked.Tag = f.Tag
	return masked
}

// newFrame copies a frame, and masks it if the header says so.
func newFrame(h frame.Header, payload []byte) *Frame {
	h.PayloadLen = int64(len(payload))
	f := lendFrame(frame.MaxHeaderLen + len(payload))
	f.header = h
	b := frame.AppendHeader(f.iov[0], h)
	head := len(b)
	b = b[:head+len(payload)]
	if h.Masked {
		mask.Copy(b[head:], payload, h.MaskingKey)
	} else {
		copy(b[head:], payload)
	}
	f.iov[0] = b
	f.refs.Store(owner)
	return f
}

func lendFrame(n int) *Frame {
	class := frameClass(n)
	if class >= frameClasses {
		return &Frame{iov: [1][]byte{make([]byte, 0, n)}}
	}
	if f, _ := frames[class].Get().(*Frame); f != nil {
		return f
	}
	return &Frame{iov: [1][]byte{make([]byte, 0, minFrame<<class)}}
}

// frameClass is the smallest class with room for n bytes.
func frameClass(n int) int {
	if n <= minFrame {
		return 0
	}
	return bits.Len(uint(n-1)) - minFrameBits
}

// Header is the frame's header.
func (f *Frame) Header() frame.Header { return f.header }

// Payload is the frame's payload, masked if the frame is. It must not be changed.
func (f *Frame) Payload() []byte { return f.iov[0][len(f.iov[0])-int(f.header.PayloadLen):] }

// Vector is the frame as buffers for a transport, which must not be changed. The caller holds the frame.
func (f *Frame) Vector() [][]byte { return f.iov[:] }

// Len is the size of the frame, in bytes.
func (f *Frame) Len() int { return len(f.iov[0]) }

// Cap is how many bytes of memory the frame takes.
func (f *Frame) Cap() int { return cap(f.iov[0]) }

// retain notes one more queue. The caller holds the frame.
func (f *Frame) retain(s *Store) {
	n := f.refs.Add(1)
	if n < 2 {
		panic("sendq: a frame is queued that nobody holds")
	}
	if uint32(n) == 1 {
		f.countIn(s.Pool)
	}
}

// leave ends a queue's hold.
func (f *Frame) leave() { f.end(1) }

// Release ends the caller's hold.
func (f *Frame) Release() { f.end(owner) }

// end ends a hold of that weight. The last one's keeps the frame for another use.
func (f *Frame) end(hold int64) {
	size := cap(f.iov[0]) // another holder may give the frame away from here on
	holders := f.refs.Add(-hold)
	if uint32(holders) == 0 {
		f.uncount(size)
	}
	switch {
	case holders > 0:
		return
	case holders < 0:
		panic("sendq: a frame is released that nobody holds")
	}
	buffer.Poison(f.iov[0][:size])
	f.iov[0] = f.iov[0][:0]
	f.Tag = Tag{}
	if class := frameClass(size); class < frameClasses {
		frames[class].Put(f)
	}
}

// countIn has that pool count the frame, for a queue that has found no other to hold it. The queue that left last may not
// have called uncount yet. Then it will find that the frame is held.
func (f *Frame) countIn(pool *buffer.Pool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pool == pool {
		return
	}
	if f.pool != nil {
		f.pool.Charge(-f.Cap())
	}
	f.pool = pool
	pool.Charge(f.Cap())
}

// uncount has no pool count the frame, which has that size, unless a queue holds it again. The caller's hold has ended, so
// the frame may be another message's by now. It is right for that one, too.
func (f *Frame) uncount(size int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pool != nil && uint32(f.refs.Load()) == 0 {
		f.pool.Charge(-size)
		f.pool = nil
	}
}

// share is one queue's share of the frame's memory, in bytes.
func (f *Frame) share() int { return cap(f.iov[0]) / int(max(uint32(f.refs.Load()), 1)) }
