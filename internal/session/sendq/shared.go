package sendq

import (
	"sync/atomic"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// Frame is one frame, header and payload, that the queues of any number of connections
// share. Its bytes never change until nobody holds it. It is not masked, so it is for
// connections on which this side is the server (RFC 6455 5.3). Safe from any goroutine.
type Frame struct {
	buf    *buffer.Buffer
	header frame.Header
	refs   atomic.Int64
}

// NewFrame copies a frame into a buffer of the pool, which counts it once, however many
// queues hold it. The caller holds the frame until it calls [Frame.Release]. The header's
// payload length and masking are set here.
func NewFrame(pool *buffer.Pool, h frame.Header, payload []byte) *Frame {
	h.PayloadLen = int64(len(payload))
	h.Masked, h.MaskingKey = false, 0
	f := &Frame{buf: pool.Get(frame.MaxHeaderLen + len(payload)), header: h}
	f.buf.B = append(frame.AppendHeader(f.buf.B, h), payload...)
	f.refs.Store(1)
	return f
}

// Header is the frame's header.
func (f *Frame) Header() frame.Header { return f.header }

// Len is the size of the frame, in bytes.
func (f *Frame) Len() int { return len(f.buf.B) }

// retain notes one more holder. The caller holds the frame.
func (f *Frame) retain() {
	if f.refs.Add(1) < 2 {
		panic("sendq: a frame is queued that nobody holds")
	}
}

// Release ends the caller's hold. The last holder's gives the buffer back.
func (f *Frame) Release() {
	switch n := f.refs.Add(-1); {
	case n == 0:
		f.buf.Release()
	case n < 0:
		panic("sendq: a frame is released that nobody holds")
	}
}

// share is one holder's share of the frame's memory, in bytes.
func (f *Frame) share() int { return cap(f.buf.B) / int(max(f.refs.Load(), 1)) }
