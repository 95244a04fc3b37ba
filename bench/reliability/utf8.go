//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/framerail/framerail/bench/internal/wire"
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
	return v.finish("%d sequences of 1 to 4 bytes through the codec, cut at each byte: as unicode/utf8 says; a server closed with 1007 at the first bad byte of %d texts",
		sequences, lives)
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
