//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"unicode/utf8"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/frame"
)

// textEdges are the bytes where ranges begin and end, and neighbours of theirs.
var textEdges = []byte("\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xe0\xe1\xed\xf0\xf1\xf4\xf5")

// codec gives the decoder every sequence there is, as far as they are asked for.
func (b *utf8Command) codec(ctx context.Context, v *verdict) (sequences int64, err error) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	var count atomic.Int64
	err = each(ctx, len(every), b.Workers, func(ctx context.Context, first int) error {
		c := codecCheck{v: v, opcode: either[byte](b.scale, wire.Text, wire.Binary), ends: make(map[string]*textEnds)}
		c.uncut.Reset(frame.Client, frame.Limits{})
		defer func() { count.Add(c.count) }()
		for size := 1; size <= 4; size++ {
			c.alphabet = every
			if size > b.Longest {
				c.alphabet = textEdges
				if bytes.IndexByte(textEdges, byte(first)) < 0 {
					break
				}
			}
			if err := c.beginningWith(ctx, byte(first), size); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return count.Load(), err
}

// errEnough ends a check that has found a fault: all that follow may be the same.
var errEnough = errors.New("enough")

// codecCheck is one goroutine's share of the sequences.
type codecCheck struct {
	v        *verdict
	alphabet []byte
	opcode   byte
	count    int64
	ends     map[string]*textEnds // by the bytes of a sequence that has begun
	uncut    frame.Decoder        // at rest
	in       []byte               // a frame's header, and the text as far as it is chosen
	after    [4]frame.Decoder     // behind the header and so many bytes of the text
}

// textEnds tells of each byte whether it ends a sequence that has begun, goes on
// with it, or is bad.
type textEnds [256]byte

const (
	textBad = iota
	textGoesOn
	textWhole
)

// beginningWith checks the sequences of that size with that first byte. The decoder is
// stopped before each byte, and its state copied: all that begin alike go on from there.
func (c *codecCheck) beginningWith(ctx context.Context, first byte, size int) error {
	c.in = append(c.in[:0], 0x80|c.opcode, byte(size))
	c.after[0].Reset(frame.Client, frame.Limits{}) // a Client takes frames that are not masked
	if _, n, err := c.after[0].Next(c.in); n != len(c.in) || err != nil {
		return fmt.Errorf("the decoder took %d bytes of a header: %w", n, err)
	}
	return c.with(ctx, first, size-1, nil, c.endsAfter(nil)[first], -1)
}

// with checks all sequences of in, next and more bytes behind them. in ends within
// the sequence begun, with which next does what end says, unless a byte of in is bad,
// at that place.
func (c *codecCheck) with(ctx context.Context, next byte, more int, begun []byte, end byte, bad int) error {
	n := len(c.in) - 2 // bytes of the text so far
	if bad < 0 && end == textBad {
		bad = n
	}
	c.in = append(c.in, next)
	defer func() { c.in = c.in[:len(c.in)-1] }()
	if more == 0 {
		return c.whole(end, bad, n)
	}
	if end == textGoesOn {
		begun = append(begun[:len(begun):len(begun)], next)
	} else {
		begun = nil
	}
	ends := c.endsAfter(begun)
	c.after[n+1] = c.after[n]
	feed(&c.after[n+1], c.in[len(c.in)-1:])
	for _, b := range c.alphabet {
		if err := c.with(ctx, b, more-1, begun, ends[b], bad); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// whole checks one sequence, in one piece and in two, whose last byte has n before it
// and does what end says, unless there is a bad one.
func (c *codecCheck) whole(end byte, bad, n int) error {
	c.count++
	want := n // that the text ends within a sequence is its last byte's fault
	switch {
	case bad >= 0:
		want = bad
	case end == textWhole:
		want = n + 1
	}
	got := feed(&c.uncut, c.in)
	if got <= n {
		c.uncut.Reset(frame.Client, frame.Limits{})
	}
	if got != want {
		c.v.miss("% x: %d bytes taken, want %d", c.in[2:], got, want)
		return errEnough
	}
	// Behind a bad byte there is nothing to cut: the decoder has failed.
	for cut := 1; cut <= min(n, want); cut++ {
		d := c.after[cut]
		if got := cut + feed(&d, c.in[2+cut:]); got != want {
			c.v.miss("% x cut at %d: %d bytes taken, want %d", c.in[2:], cut, got, want)
			return errEnough
		}
	}
	return nil
}

// feed returns how many payload bytes the decoder takes before it fails or b ends.
func feed(d *frame.Decoder, b []byte) (taken int) {
	for len(b) > 0 {
		ev, n, err := d.Next(b)
		if err != nil {
			return taken
		}
		taken += len(ev.Payload)
		b = b[n:]
	}
	return taken
}

// textCanBegin reports whether some bytes behind b would make it UTF-8.
func textCanBegin(b []byte) bool {
	for _, end := range []string{"", "\x80", "\xa0", "\x90", "\x80\x80", "\xa0\x80", "\x90\x80", "\x80\x80\x80", "\x90\x80\x80"} {
		if utf8.Valid(append(b[:len(b):len(b)], end...)) {
			return true
		}
	}
	return false
}

// endsAfter is what each byte does behind a sequence that has begun. It knows of UTF-8
// only what utf8.Valid tells.
func (c *codecCheck) endsAfter(begun []byte) *textEnds {
	if ends, ok := c.ends[string(begun)]; ok {
		return ends
	}
	ends := new(textEnds)
	for next := range ends {
		b := append(bytes.Clone(begun), byte(next))
		switch {
		case utf8.Valid(b):
			ends[next] = textWhole
		case textCanBegin(b):
			ends[next] = textGoesOn
		}
	}
	c.ends[string(begun)] = ends
	return ends
}
