package conform

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/framerail/framerail/cmd/internal/conform/deflate"
)

// deflatedMessages are the cases deflate.3.*: what a client may send and compressors
// seldom do.
func deflatedMessages() []Case {
	g := group{title: beyondCompression}
	add := func(title, sent string, needs need, frames []Frame, back ...string) {
		var ok []event
		for _, b := range back {
			ok = append(ok, textEvent(b))
		}
		g.compressed("deflate.3", title, sent, "All messages come back as they were sent.", needs, exchange{
			steps: []step{all(frames...)}, ok: ok, end: normal,
		})
	}
	first, again := deflatedHex("f248cdc9c90700"), deflatedHex("f200110000") // the second refers to the first
	const hello = "Hello"

	add("One block", "The RFC's first example.", needNothing, frames(first), hello)
	add("A message that refers to the last", "The RFC's first example, and the same message by reference to it.", needTakeover, frames(first, again), hello, hello)
	add("A stored block", "A message in a stored block.", needNothing, frames(deflatedHex("000500faff48656c6c6f00")), hello)
	add("A final block", "A message in a block that says it is the last of its stream.", needNothing, frames(deflatedHex("f348cdc9c9070000")), hello)
	add("Two blocks", "A message in two blocks with an empty one between.", needNothing, frames(deflatedHex("f24805000000ffffcac9c90700")), hello)
	add("Two final blocks", "A message in two blocks that both say they are the last.", needNothing, frames(deflated(new(deflate.Blocks).
		Fixed(true).Literals("Hel").End().Align().Fixed(true).Literals("lo").End().Align())), hello)
	add("No bytes", "An empty message, compressed, between two that are not empty.", needTakeover, frames(first, deflatedHex("00"), again), hello, "", hello)
	add("A message that is not compressed", "A message that is not compressed between two of which the second refers to the first.",
		needTakeover, frames(first, text("plain"), again), hello, "plain", hello)

	empty := new(deflate.Blocks).Fixed(false).Literals("Hel").End()
	for range 1000 {
		empty.Stored(false, nil)
	}
	add("A thousand empty blocks", "A message with 1,000 empty stored blocks in the midst.", needNothing, frames(deflated(empty.Fixed(false).Literals("lo").End())), hello)
	single := new(deflate.Blocks)
	for i := range 5000 {
		single.Fixed(false).Literals(string(rune('a' + i%26))).End()
	}
	add("A block for each byte", "A message of 5,000 bytes in as many blocks.", needNothing, frames(deflated(single)), strings.Repeat("abcdefghijklmnopqrstuvwxyz", 193)[:5000])
	g.windows(add)
	g.fragmented(add)
	return g.cases
}

// windows adds the cases of matches that reach as far as any may.
func (g *group) windows(add func(title, sent string, needs need, frames []Frame, back ...string)) {
	run := new(deflate.Blocks).Fixed(false).Literals("x")
	for range 4000 {
		run.Match(258, 1)
	}
	add("A long run", "A message of a million equal bytes.", needNothing, frames(deflated(run.End())), strings.Repeat("x", 1+4000*258))

	const window = 1 << 15
	text := "start" + string(pattern(window-5, true))
	far := deflated(new(deflate.Blocks).Stored(false, []byte(text)).Fixed(false).Match(5, window).End())
	add("A match as far back as can be", "A message whose end repeats what stood 32,768 bytes back.", needWindow, frames(far), text+"start")

	texts := []string{text[:20_000], text[20_000:]}
	add("A match through two messages", "Three messages, the last of which repeats what stood 32,768 bytes back, in the first.", needTakeover|needWindow, frames(
		deflated(new(deflate.Blocks).Stored(false, []byte(texts[0]))), deflated(new(deflate.Blocks).Stored(false, []byte(texts[1]))),
		deflated(new(deflate.Blocks).Fixed(false).Match(5, window).End())), texts[0], texts[1], "start")
}

// fragmented adds the cases of compressed messages in several frames.
func (g *group) fragmented(add func(title, sent string, needs need, frames []Frame, back ...string)) {
	const words = "κόσμε 你好 🙂 "
	whole := deflated(new(deflate.Blocks).Fixed(false).Literals(words).Match(40, len(words)).End())
	back := (words + words + words)[:len(words)+40]
	bytewise := cutFrame(whole, 1)
	add("Frames of one byte", "A message with characters of many bytes in frames of one byte.", needNothing, bytewise, back)

	add("An empty last frame", "A message whose last frame is empty.",
		needNothing, append(cutFrame(deflatedHex("f248cdc9c90700").more(), 0), continuation("")), "Hello")
	add("Empty frames all over", "A message in frames of one byte with empty ones between, the first empty too.",
		needNothing, interleaved(bytewise), back)

	pinged := append([]Frame{bytewise[0], ping("between")}, bytewise[1:]...)
	g.compressed("deflate.3", "A ping between fragments", "A message in frames of one byte, with a ping behind the first.",
		"A pong, then the message.", needNothing, exchange{
			steps: []step{all(pinged...)}, ok: []event{pongEvent("between"), textEvent(back)}, end: normal,
		})
}

// interleaved has an empty frame before each, the first of which begins the message.
func interleaved(frames []Frame) []Frame {
	out := []Frame{{Opcode: frames[0].Opcode, RSV: frames[0].RSV, More: true}}
	for _, f := range frames {
		f.Opcode, f.RSV = opContinuation, 0
		out = append(out, continuation("").more(), f)
	}
	return out
}

// need is what a case's messages need of what is agreed. A server that asks for less may,
// and is not held to the case.
type need uint8

const (
	needTakeover need = 1 << iota // they refer to earlier ones
	needWindow                    // they refer farther back than 512 bytes

	needNothing need = 0
)

// compressed adds a case that agrees on the extension and plays x.
func (g *group) compressed(section, title, sent, expected string, needs need, x exchange) *Case {
	n := 1
	for i := range g.cases {
		if strings.HasPrefix(g.cases[i].ID, section+".") {
			n++
		}
	}
	c := g.add(fmt.Sprintf("%s.%d", section, n), title, sent, expected, x)
	c.Run = func(ctx context.Context, s *Session) {
		if s.openNeeding(ctx, needs) {
			s.converse(ctx, x)
		}
	}
	return c
}

// openNeeding connects with an offer that leaves everything to the server. It returns
// false if the case is over.
func (s *Session) openNeeding(ctx context.Context, needs need) bool {
	o := deflate.Offer{ClientMaxWindowBits: deflate.NoValue}
	c := s.openCompressed(ctx, []string{o.String()}, []deflate.Offer{o})
	if c == nil {
		return false
	}
	lack := ""
	switch bits := c.params.ClientMaxWindowBits; {
	case needs&needTakeover != 0 && c.params.ClientNoContextTakeover:
		lack = "without context takeover for the client"
	case needs&needWindow != 0 && bits != 0 && bits < 15, bits == 8:
		lack = fmt.Sprintf("with a client window of %d bits", bits)
	default:
		return true
	}
	s.declined(ctx)
	s.result.Came = "the " + s.other() + " agreed to permessage-deflate, but " + lack
	return false
}

// deflated is a compressed text message.
func deflated(b *deflate.Blocks) Frame { return Frame{RSV: rsv1, Opcode: opText, Payload: b.Message()} }

// deflatedHex is a compressed text message with this payload.
func deflatedHex(payload string) Frame {
	b, err := hex.DecodeString(payload)
	if err != nil {
		panic(err)
	}
	return Frame{RSV: rsv1, Opcode: opText, Payload: b}
}

func frames(f ...Frame) []Frame { return f }
