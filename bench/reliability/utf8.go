//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/frame"
)

// utf8Command holds text against unicode/utf8: every sequence of one to four bytes
// through the codec, cut at each byte, then good and bad texts in conversation with a
// server, which must not wait for a byte behind the first bad one. Broken, the codec
// takes them for binary messages, and a server does not look.
type utf8Command struct {
	scale
	Longest int `default:"4" help:"Bytes of the longest sequences of which the codec gets every one, up to 4; of longer ones it gets those where ranges begin and end."`
	Workers int `default:"2" help:"Goroutines for the codec's part."`
}

// badTexts are put into texts at every place. good is how many of their bytes some
// text could go on with: RFC 3629 4.
var badTexts = []struct {
	rule, bytes string
	good        int
}{
	{"continuation byte alone", "\x80", 0},
	{"overlong, 2 bytes", "\xc0\x80", 0},
	{"overlong, 3 bytes", "\xe0\x9f\xbf", 1},
	{"overlong, 4 bytes", "\xf0\x8f\xbf\xbf", 1},
	{"surrogate", "\xed\xa0\x80", 1},
	{"above U+10FFFF", "\xf4\x90\x80\x80", 1},
	{"byte that never occurs", "\xff", 0},
	{"sequence cut short", "\xf0\x9f\x98a", 3},
}

// goodText has the first and the last sequence of each length, and the neighbours of
// the surrogates.
const goodText = "\x00a\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff😀"

func (b *utf8Command) Run(ctx context.Context) error {
	if b.Short {
		b.Longest = 1
	}
	v := new(verdict)
	sequences, err := b.codec(ctx, v)
	if err != nil {
		return err
	}
	set := setup{Program: "echo"}
	if b.Break {
		set = setup{Faulty: "careless"}
	}
	lives := 0
	err = withServer(ctx, v, set, func(p *process) error {
		if err := b.goodTexts(ctx, v, p.addr); err != nil {
			return err
		}
		lives, err = b.badTexts(ctx, v, p.addr)
		return err
	})
	if err != nil {
		return err
	}
	return v.conclude("%d sequences of 1 to 4 bytes through the codec, cut at each byte: as unicode/utf8 says; a server closed with 1007 at the first bad byte of %d texts",
		sequences, lives)
}

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

// goodTexts echoes a text in two fragments, cut at each byte. The pong between them
// shows that the server has seen the first, and not minded where it ends.
func (b *utf8Command) goodTexts(ctx context.Context, v *verdict, addr string) error {
	c, err := open(ctx, addr, "/")
	if err != nil {
		return err
	}
	defer c.reset()
	text := []byte(goodText)
	for cut := range len(text) + 1 {
		if err := c.inTwo(text[:cut], text[cut:]); err != nil {
			v.miss("good text cut at %d: %v", cut, err)
			return nil
		}
	}
	return nil
}

func (c *client) inTwo(first, second []byte) error {
	key := [4]byte{7, 6, 5, 4}
	if _, err := c.Write(wire.AppendFrame(nil, false, wire.Text, key, first)); err != nil {
		return err
	}
	if err := c.pingPong(); err != nil {
		return err
	}
	if _, err := c.Write(wire.AppendFrame(nil, true, wire.Continuation, key, second)); err != nil {
		return err
	}
	opcode, got, err := c.receive()
	if err == nil && (opcode != wire.Text || string(got) != string(first)+string(second)) {
		err = fmt.Errorf("opcode %#x with %q is no echo", opcode, got)
	}
	return err
}

// badTexts sends texts up to their first bad byte and no further, in a frame that
// claims more, in fragments, and a byte at a time.
func (b *utf8Command) badTexts(ctx context.Context, v *verdict, addr string) (lives int, err error) {
	var sent [][]byte
	var names []string
	key := [4]byte{1, 2, 3, 4}
	for _, unit := range []string{"a", "é", "€", "😀", "aé€😀"} {
		text := []byte(strings.Repeat(unit, 20/len(unit)))
		for _, bad := range badTexts {
			for at := range len(text) + 1 {
				if at < len(text) && !utf8.RuneStart(text[at]) || b.Short && at%7 != 0 {
					continue
				}
				upTo := append(text[:at:at], bad.bytes[:bad.good+1]...)
				names = append(names, fmt.Sprintf("%s behind %q", bad.rule, text[:at]))
				claiming := wire.AppendFrame(nil, true, wire.Text, key, append(upTo[:len(upTo):len(upTo)], "never sent"...))
				sent = append(sent, claiming[:len(claiming)-len("never sent")])
				names = append(names, names[len(names)-1]+", in a fragment of its own")
				sent = append(sent, wire.AppendFrame(wire.AppendFrame(nil, false, wire.Text, key, upTo[:len(upTo)-1]), false,
					wire.Continuation, key, upTo[len(upTo)-1:]))
			}
		}
	}
	err = each(ctx, len(sent), 8, func(ctx context.Context, i int) error {
		return b.refused(ctx, v, addr, names[i], sent[i], i%3 == 0)
	})
	return len(sent), err
}

// refused sends bytes, and wants a Close frame with 1007.
func (b *utf8Command) refused(ctx context.Context, v *verdict, addr, name string, sent []byte, byByte bool) error {
	c, err := open(ctx, addr, "/")
	if err != nil {
		return err
	}
	defer c.reset()
	// A server that waits for more would do so for as long as this client.
	if err := c.extend(either(b.scale, patience, patience/300)); err != nil {
		return err
	}
	pieces := [][]byte{sent}
	if byByte {
		pieces = nil
		for i := range sent {
			pieces = append(pieces, sent[i:i+1])
		}
	}
	for _, piece := range pieces {
		if _, err := c.Write(piece); err != nil {
			v.miss("%s: %v", name, err)
			return nil
		}
	}
	code, err := c.awaitCode()
	v.expect(err == nil && code == 1007, "%s: close code %d, %v", name, code, err)
	return nil
}
