package conform

import (
	"context"

	"github.com/framerail/framerail/cmd/internal/conform/deflate"
)

// corruptMessages are the cases deflate.4.*: what a client may not send once
// permessage-deflate was agreed on.
func corruptMessages() []Case {
	g := group{title: beyondCompression}
	g.reservedBitsAgreed()
	g.corrupt()
	g.farther()
	g.eitherWay()
	return g.cases
}

// reservedBitsAgreed adds the cases of RSV bits where RFC 7692 6.1 has none.
func (g *group) reservedBitsAgreed() {
	add := func(title, sent string, back []event, frames ...Frame) {
		g.compressed("deflate.4", title, sent, "The server fails the connection with 1002, or ends TCP.", needNothing,
			exchange{steps: []step{all(frames...)}, ok: back, lax: []event{}, end: failed})
	}
	whole := deflatedHex("f248cdc9c90700")
	parts := cutFrame(whole, 3)
	parts[1].RSV = rsv1
	add("RSV1 on a continuation", "A compressed message in fragments, of which the second has RSV1 too.", nil, parts...)
	plain := fragments(opText, []byte("plain"), 3)
	plain[1].RSV = rsv1
	add("RSV1 on the continuation of what is not compressed", "A message in fragments, of which only the second has RSV1.", nil, plain...)
	add("RSV1 on a ping", "A ping with RSV1.", nil, ping("Hello").reserved(rsv1))
	add("RSV1 on a pong", "A pong with RSV1.", nil, pong("Hello").reserved(rsv1))
	add("RSV1 on a ping between fragments", "A compressed message in fragments, with a ping between them that has RSV1.", nil,
		parts[0], ping("Hello").reserved(rsv1))
	add("RSV2 on a compressed message", "A compressed message with RSV2 too.", nil, whole.reserved(rsv1|rsv2))
	add("RSV3 behind a compressed message", "A compressed message, then one with RSV3.", []event{textEvent("Hello")}, whole, text("plain").reserved(rsv3))
}

// notDeflate is how the server should end what cannot be inflated. RFC 7692 names no
// code; either of these says what is wrong.
var notDeflate = ending{byServer: true, codes: []uint16{1007, 1002}}

const failsBadData = "The server fails the connection with 1007 or 1002, or ends TCP. Nothing of the message comes back."

// corrupt adds the cases of messages that are no DEFLATE data.
func (g *group) corrupt() {
	add := func(title, sent string, f Frame) {
		g.compressed("deflate.4", title, sent, failsBadData, needNothing, exchange{steps: []step{all(f)}, end: notDeflate})
	}
	fixed := func() *deflate.Blocks { return new(deflate.Blocks).Fixed(false) }
	add("Garbage", "A message of bytes that are no DEFLATE data.", deflatedHex("ffffffffffffffff"))
	add("A block of the reserved type", "A message whose second block has the type 3.", deflated(fixed().Literals("Hello").End().Put(6, 3)))
	add("A stored block's lengths", "A stored block whose length and its complement do not agree.", deflatedHex("000500ffff48656c6c6f00"))
	add("A length that is none", "A block with the length code 286.", deflated(fixed().Literals("Hello").Put(0x63, 8)))
	add("A distance that is none", "A block with the distance code 30.", deflated(fixed().Literals("Hello").Put(0x40, 7).Put(0x0f, 5).End()))
	add("Too many codes", "A block with codes of its own, more than bits allow.", deflated(new(deflate.Blocks).Put(4, 3).Put(0, 14).Put(0o1111, 12)))
	add("Codes without an end", "A block with codes of its own, of which none ends it.", deflated(new(deflate.Blocks).
		Put(4, 3).Put(0, 5).Put(0, 5).Put(14, 4).Put(0, 9).Put(1, 3).Put(0, 39).Put(1, 3).Put(0, 300)))
	add("A match before the start", "A message that repeats what stood a byte before its beginning, as the connection's first.",
		deflated(fixed().Literals("Hello").Match(5, 6).End()))
	half := deflated(fixed().Literals("Hello, this ends within a block"))
	half.Payload = half.Payload[:len(half.Payload)-4]
	add("Half a block", "A message that ends within a block.", half)
	add("No end of the last block", "A message without the empty block that its end is.", deflatedHex("f248cdc9c907"))
	add("Half a stored block", "A message that ends within a stored block.", deflatedHex("0064009bff48656c6c6f"))

	g.compressed("deflate.4", "Garbage behind a message", "A compressed message, then one of bytes that are no DEFLATE data.",
		"The first message comes back, then the server fails the connection with 1007 or 1002, or ends TCP.", needNothing, exchange{
			steps: []step{all(deflatedHex("f248cdc9c90700"), deflatedHex("ffffffff"))},
			ok:    []event{textEvent("Hello")}, lax: []event{}, end: notDeflate,
		})
	g.compressed("deflate.4", "Bad UTF-8", "A compressed text message that inflates to what is not UTF-8.",
		"The server fails the connection with 1007, or ends TCP. Nothing of the message comes back.", needNothing,
		exchange{steps: []step{all(deflated(fixed().Literals("Hello\xff").End()))}, end: badText})
	g.compressed("deflate.4", "Half a character", "A compressed text message that ends within a character.",
		"The server fails the connection with 1007, or ends TCP. Nothing of the message comes back.", needNothing,
		exchange{steps: []step{all(deflated(fixed().Literals("Hello\xf0\x9f\x99").End()))}, end: badText})
}

// farther adds the cases of clients that refer to more than they may. RFC 7692 7.1 forbids
// them to, and does not say that a server has to see it.
func (g *group) farther() {
	const first = "The quick brown fox jumps"
	g.either("deflate.4", "Takeover that was not agreed",
		"Two messages, the second of which refers to the first, where no context takeover was offered.",
		deflate.Offer{ClientNoContextTakeover: true, ClientMaxWindowBits: deflate.NoValue}, choice{
			agreed: func(p deflate.Params) bool { return p.ClientNoContextTakeover },
			frames: func() []Frame {
				return []Frame{
					deflated(new(deflate.Blocks).Fixed(false).Literals(first).End()),
					deflated(new(deflate.Blocks).Fixed(false).Match(9, len(first)).End()),
				}
			},
			back: []string{first, first[:9]}, refuse: true,
		})
	text := string(pattern(513, true))
	g.either("deflate.4", "A window that was not agreed",
		"A message that refers 513 bytes back, where a client window of 9 bits was offered and agreed.",
		deflate.Offer{ClientMaxWindowBits: 9}, choice{
			agreed: func(p deflate.Params) bool { return p.ClientMaxWindowBits <= 9 },
			frames: func() []Frame {
				return []Frame{deflated(new(deflate.Blocks).Fixed(false).Literals(text).Match(9, 513).End())}
			},
			back: []string{text + text[:9]}, refuse: true,
		})
}

// eitherWay adds the cases of messages that a strict reading of RFC 7692 7.2.1 does not
// allow and many inflaters take, of one whose meaning it leaves open, and of one that is too
// long for some.
func (g *group) eitherWay() {
	add := func(title, sent, back, payload string) {
		g.either("deflate.5", title, sent, deflate.Offer{ClientMaxWindowBits: deflate.NoValue}, choice{
			frames: func() []Frame { return []Frame{deflatedHex(payload)} }, back: []string{back},
		})
	}
	add("The tail left on", "A message that ends in the four bytes that its sender should take off.", "Hello", "f248cdc9c907000000ffff")
	add("A final block alone", "A message in a block that says it is the last, without the empty block behind it.", "Hello", "f348cdc9c90700")
	add("No payload", "A compressed message without any bytes, where an empty one has one byte.", "", "")

	g.either("deflate.5", "A match into what a final block said", "A message in a block that says it is the last of its stream, and one that refers to it.",
		deflate.Offer{ClientMaxWindowBits: deflate.NoValue}, choice{
			agreed: func(p deflate.Params) bool { return !p.ClientNoContextTakeover },
			frames: func() []Frame { return []Frame{deflatedHex("f348cdc9c9070000"), deflatedHex("f200110000")} },
			back:   []string{"Hello", "Hello"},
		})

	const length = 64 << 20
	g.either("deflate.5", "A bomb", "A message of 64 KiB that inflates to 64 MiB of zeros.", deflate.Offer{ClientMaxWindowBits: deflate.NoValue}, choice{
		frames: func() []Frame {
			return []Frame{{RSV: rsv1, Opcode: opText, Payload: deflate.NewCompressor(15, false).Message(make([]byte, length))}}
		},
		length: length,
	})
	g.cases[len(g.cases)-1].Serial = true
}

// choice is a conversation in which the server may fail the connection at the last
// message, or send that back.
type choice struct {
	agreed func(deflate.Params) bool // whether the case is about what was agreed; nil: yes
	frames func() []Frame            // a message each
	back   []string                  // what comes back of each
	length int                       // in place of back, of one message of zeros
	refuse bool                      // failing is better: sending back is Informational, else both are
}

// either adds a case that plays x.
func (g *group) either(section, title, sent string, o deflate.Offer, x choice) {
	expected := "Either the message comes back, or the server fails the connection."
	if x.refuse {
		expected = "The server fails the connection with 1007 or 1002 when the last message comes, or ends TCP; it need not see what is wrong."
	}
	g.compressed(section, title, sent+" The offer is "+o.String()+".", expected, needNothing, exchange{}).Run = func(ctx context.Context, s *Session) {
		c := s.openCompressed(ctx, []string{o.String()}, []deflate.Offer{o})
		switch {
		case c == nil:
		case x.agreed != nil && !x.agreed(c.params):
			s.declined(ctx)
			s.result.Came = "the " + s.other() + " agreed to permessage-deflate, not to what the case is about"
		default:
			s.choose(ctx, x)
		}
	}
}

// choose plays x.
func (s *Session) choose(ctx context.Context, x choice) {
	back := x.back
	if back == nil {
		back = []string{string(make([]byte, x.length))}
	}
	wrong := ""
	for i, f := range x.frames() {
		s.send(0, f)
		if wrong = s.awaitEcho(ctx, textEvent(back[i])); wrong == "" {
			continue
		}
		if ended := s.end != nil || s.closeCame != nil; !ended || i < len(back)-1 {
			s.converse(ctx, exchange{end: normal})
			s.fail("message %d of %d: %s", i+1, len(back), wrong)
			return
		}
	}
	if wrong == "" {
		s.converse(ctx, exchange{end: normal})
	} else {
		s.converse(ctx, exchange{end: ending{byServer: true, codes: []uint16{1007, 1002, 1009}}})
	}
	switch {
	case s.result.Verdict != OK:
		return
	case wrong == "":
		s.result.Came = "the message came back"
	default:
		s.result.Came = "the " + s.other() + " failed the connection"
	}
	if wrong == "" || !x.refuse {
		s.result.Verdict = Informational
	}
	if !x.refuse {
		s.result.Closing = ClosingInformational // a code, too, is the server's choice
	}
}
