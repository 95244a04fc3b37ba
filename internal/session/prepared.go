package session

import (
	"sync"
	"sync/atomic"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/session/sendq"
)

// Prepared is a message that is encoded once, and compressed once for each level and window
// among its receivers. It does not change, except that it gains compressed forms. Safe from
// any goroutine.
type Prepared struct {
	plain        *sendq.Frame
	key          string
	uncompressed bool

	mu     sync.Mutex // held while a compressed form is made
	packed [packedKinds]atomic.Pointer[sendq.Frame]
}

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

// Len is how many bytes the message takes of MaxPending, at most.
func (p *Prepared) Len() int { return p.plain.Len() + sendq.KeyCost }

// Size is how many bytes of memory the message takes, without compressed forms.
func (p *Prepared) Size() int { return p.plain.Cap() }

// Outgoing is what was prepared. Its payload must not be changed, and is valid until Release.
func (p *Prepared) Outgoing() Outgoing {
	return Outgoing{Type: p.plain.Header().Opcode, Key: p.key, Uncompressed: p.uncompressed, Valid: true, Payload: p.plain.Payload()}
}

// Release gives the Prepared back. What waits in queues is not affected. The caller alone has
// the Prepared.
func (p *Prepared) Release() {
	p.plain.Release()
	p.plain, p.key = nil, ""
	for i := range p.packed {
		if f := p.packed[i].Load(); f != nil {
			f.Release()
			p.packed[i].Store(nil)
		}
	}
	preparedPool.Put(p)
}

// compressed is the message as how compresses it. fresh reports whether this call did it.
func (p *Prepared) compressed(how deflate.Compressor, pool *buffer.Pool) (f *sendq.Frame, fresh bool) {
	place := &p.packed[kindOf(how)]
	if f = place.Load(); f != nil {
		return f, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f = place.Load(); f != nil {
		return f, false
	}
	payload := p.plain.Payload()
	buf := pool.Get(deflate.Bound(len(payload)))
	defer buf.Release()
	f = sendq.NewFrame(frame.Header{Fin: true, RSV1: true, Opcode: p.plain.Header().Opcode}, how.Append(buf.B, payload, nil, true))
	f.Tag = p.plain.Tag
	place.Store(f)
	return f, true
}

// frameFor is the frame of the message that a connection sends, without its mask.
func (p *Prepared) frameFor(c *sending) *sendq.Frame {
	size := len(p.plain.Payload())
	if p.uncompressed || !c.compresses(size) {
		return p.plain
	}
	how := c.compressor()
	f, fresh := p.compressed(how, &c.loop.pool)
	if fresh {
		c.compressed(how.Work(size, nil))
	}
	if len(f.Payload()) >= size && !c.always() {
		return p.plain
	}
	return f
}
