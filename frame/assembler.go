package frame

import "slices"

// Assembler joins the pieces of messages into whole ones. A message that comes
// in one piece passes through without a copy. The zero value is ready to use.
//
// The buffer grows with the bytes received, never with a length that a peer
// only claims; how many they can be is the Decoder's limit. It is for one
// goroutine at a time.
type Assembler struct {
	// Buf holds the message in progress, or the one that Add returned last. The
	// room behind its length is free for the caller to read payload into: an
	// Event whose Payload lies right there is not copied.
	Buf []byte

	// Grow returns a slice with the contents of buf and room for n more bytes;
	// buf belongs to Grow from then on, so that pooled buffers can be used.
	// nil: memory from the heap, growing as append does.
	Grow func(buf []byte, n int) []byte
}

// Add takes the next event of a Decoder. If a message, or a control frame, is
// whole with it, complete is true and msg has First and Last set: msg is ev
// itself where that was whole, else its Payload is Buf. Then it is valid until
// the next call to Add, Spare, Take or Reset; copy to keep.
//
// Between two messages the caller may Reset or Take; if it does neither, the
// next message's first piece replaces the last message.
func (a *Assembler) Add(ev Event) (msg Event, complete bool) {
	if ev.First && ev.Last {
		return ev, true
	}
	if ev.Opcode == Continuation {
		return Event{}, false
	}
	if ev.First && len(a.Buf) > 0 {
		a.Buf = a.Buf[:0]
	}
	a.append(ev.Payload)
	if !ev.Last {
		return Event{}, false
	}
	return Event{Payload: a.Buf, Opcode: ev.Opcode, First: true, Last: true}, true
}

// append adds p to Buf, without a copy if it is there already.
func (a *Assembler) append(p []byte) {
	if len(p) == 0 {
		return
	}
	n := len(a.Buf)
	if cap(a.Buf)-n < len(p) {
		a.grow(len(p))
	}
	a.Buf = a.Buf[:n+len(p)]
	if &a.Buf[n] != &p[0] {
		copy(a.Buf[n:], p)
	}
}

// grow makes room for n more bytes behind Buf's length.
func (a *Assembler) grow(n int) {
	if a.Grow != nil {
		a.Buf = a.Grow(a.Buf, n)
		return
	}
	a.Buf = slices.Grow(a.Buf, n)
}

// Spare returns the room behind Buf's length, at least n bytes of it, to read
// payload into: what is read there and given to the Decoder is not copied again.
// Ask for no more than is likely to come soon, not for all a peer claims. Valid
// until the next call to Add, Spare, Take or Reset.
func (a *Assembler) Spare(n int) []byte {
	if cap(a.Buf)-len(a.Buf) < n {
		a.grow(n)
	}
	return a.Buf[len(a.Buf):cap(a.Buf)]
}

// Take gives the buffer to the caller and leaves the Assembler without one.
func (a *Assembler) Take() []byte {
	buf := a.Buf
	a.Buf = nil
	return buf
}

// Reset empties the Assembler and keeps its buffer.
func (a *Assembler) Reset() {
	a.Buf = a.Buf[:0]
}
