package session

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/session/sendq"
)

// Prepared is a message that is encoded once, and compressed once for each level and window
// among its receivers. It does not change, except that it gains compressed forms, and loses them by
// Shrink. Safe from any goroutine.
type Prepared struct {
	plain        *sendq.Frame
	key          string
	uncompressed bool

	mu     sync.Mutex // held while a compressed form is made
	packed [packedKinds]atomic.Pointer[sendq.Frame]
}

// noGain stands for a compressed form that is not kept, because it is no shorter than the message.
var noGain = new(sendq.Frame)

// The kinds of compressed forms. Windows of less than 15 bits have one level only.
const (
	smallWindows = deflate.MaxWindowBits - 8
	packedKinds  = smallWindows + 9
)

func kindOf(how deflate.Compressor) int {
	if how.WindowBits < deflate.MaxWindowBits {
		return how.WindowBits - 8
	}
	return smallWindows + min(max(how.Level, 1), 9) - 1
}

// Tag says which message a Prepared is: see [Attachment].
type Tag = sendq.Tag

var preparedPool = sync.Pool{New: func() any { return new(Prepared) }}

// Prepare encodes a message, which it copies. The caller may give the Prepared back by Release, or leave
// it to the garbage collector.
func Prepare(o Outgoing) (*Prepared, error) {
	if err := Check(o); err != nil {
		return nil, err
	}
	p := preparedPool.Get().(*Prepared)
	p.plain = sendq.NewFrame(frame.Header{Fin: true, Opcode: o.Type}, o.Payload)
	p.key, p.uncompressed = o.Key, o.Uncompressed
	return p, nil
}

// Check is the error with which Prepare of a message would fail. It encodes nothing.
func Check(o Outgoing) error { return sendable(o.Type, o.Valid, o.Payload) }

// SetTag sets what an [Attachment] is given if the message is dropped. Before it is first sent.
func (p *Prepared) SetTag(tag Tag) { p.plain.Tag = tag }

// Size is how many bytes of memory the message takes, without compressed forms.
func (p *Prepared) Size() int {
	return p.plain.Cap() + len(p.key) + int(unsafe.Sizeof(*p)+unsafe.Sizeof(*p.plain))
}

// Outgoing is what was prepared. Its payload must not be changed, and is valid until Release.
func (p *Prepared) Outgoing() Outgoing {
	return Outgoing{Type: p.plain.Header().Opcode, Key: p.key, Uncompressed: p.uncompressed, Valid: true, Payload: p.plain.Payload()}
}

// Release gives the Prepared back. What waits in queues is not affected. The caller alone has
// the Prepared.
func (p *Prepared) Release() {
	p.Shrink()
	for i := range p.packed {
		if p.packed[i].Load() != nil { // a Store costs more
			p.packed[i].Store(nil)
		}
	}
	p.plain.Release()
	p.plain, p.key = nil, ""
	preparedPool.Put(p)
}

// Shrink gives the compressed forms back. They are made again if the message is sent again. What waits
// in queues is not affected. Nobody sends the message meanwhile.
func (p *Prepared) Shrink() {
	for i := range p.packed {
		if f := p.packed[i].Load(); f != nil && f != noGain {
			p.packed[i].Store(nil)
			f.Release()
		}
	}
}

// compressed is the message as how compresses it. If that is no shorter, it is the message as it is, unless always is
// set. fresh reports whether this call has compressed it.
func (p *Prepared) compressed(how deflate.Compressor, always bool, pool *buffer.Pool) (f *sendq.Frame, fresh bool) {
	place := &p.packed[kindOf(how)]
	if f = p.made(place, always); f != nil {
		return f, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f = p.made(place, always); f != nil {
		return f, false
	}
	payload := p.plain.Payload()
	buf := pool.Get(deflate.Bound(len(payload)))
	defer buf.Release()
	b := how.Append(buf.B, payload, nil, true)
	if len(b) >= len(payload) && !always {
		place.Store(noGain)
		return p.plain, true
	}
	f = sendq.NewFrame(frame.Header{Fin: true, RSV1: true, Opcode: p.plain.Header().Opcode}, b)
	f.Tag = p.plain.Tag
	place.Store(f)
	return f, true
}

// made is what compressed returns if it need not compress; nil if it must.
func (p *Prepared) made(place *atomic.Pointer[sendq.Frame], always bool) *sendq.Frame {
	f := place.Load()
	switch {
	case f == nil, always && f != noGain:
		return f
	case always:
		return nil
	case f == noGain, len(f.Payload()) >= len(p.plain.Payload()):
		return p.plain
	}
	return f
}

// frameFor is the frame of the message that a connection sends, without its mask.
func (p *Prepared) frameFor(c *sending) *sendq.Frame {
	size := len(p.plain.Payload())
	if p.uncompressed || !c.compresses(size) {
		return p.plain
	}
	how := c.compressor()
	f, fresh := p.compressed(how, c.always(), &c.loop.pool)
	if fresh {
		c.compressed(how.Work(size, nil))
	}
	return f
}
