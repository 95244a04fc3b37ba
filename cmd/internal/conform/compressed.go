package conform

import (
	"bytes"
	"context"
	"fmt"

	"github.com/framerail/framerail/cmd/internal/conform/deflate"
)

// compressed is what client and server have agreed to of permessage-deflate.
type compressed struct {
	params     deflate.Params // as if this side were the client
	answer     deflate.Params // as the server has answered
	compressor *deflate.Compressor
	inflater   *deflate.Inflater

	sent, came int64 // compressed bytes
	messages   int   // that came compressed
}

// maxInflated bounds what a message of the server's may inflate to, in bytes: what
// cases send comes nowhere near it.
const maxInflated = 64 << 20

// decode is the [decoder] of what the server sends.
func (c *compressed) decode(payload []byte) ([]byte, error) {
	c.came += int64(len(payload))
	c.messages++
	message, err := c.inflater.Message(payload, maxInflated)
	if err != nil {
		return nil, fault(err.Error())
	}
	return bytes.Clone(message), nil
}

// frame is a compressed message.
func (c *compressed) frame(opcode byte, message []byte) Frame {
	payload := c.compressor.Message(message)
	c.sent += int64(len(payload))
	return Frame{RSV: rsv1, Opcode: opcode, Payload: payload}
}

// openCompressed connects with the offers, which lines name as they are to stand in
// Sec-WebSocket-Extensions, and holds the answer against them. It returns nil if the
// case is over: if there is no connection, or the server has declined all offers.
func (s *Session) openCompressed(ctx context.Context, lines []string, offers []deflate.Offer) *compressed {
	var c *compressed
	begin := func(p, answer deflate.Params) decoder {
		c = &compressed{params: p, answer: answer, compressor: p.Compressor(), inflater: p.Inflater()}
		s.in.reader.most = max(maxReceived, int64(s.messages)*maxVolleyed)
		return c
	}
	if !s.open(ctx, opening{
		extensions: lines,
		agree: func(answer []string) (decoder, error) {
			params, err := deflate.Agree(offers, answer)
			if err != nil {
				return nil, fault(err.Error())
			}
			return begin(params, params), nil
		},
		accept: func(lines []string) (string, decoder) {
			params, ok := deflate.Accept(offers, lines)
			if !ok {
				return "", nil
			}
			return params.String(), begin(params.Mirror(), params)
		},
	}) {
		return nil
	}
	if c == nil {
		s.declined(ctx)
	}
	return c
}

// declined ends a case that is about permessage-deflate with a server that has it not,
// or not with these parameters.
func (s *Session) declined(ctx context.Context) {
	s.converse(ctx, exchange{end: normal})
	s.result.Verdict, s.result.Closing = Unimplemented, ClosingUnimplemented
	s.result.Came = "the " + s.other() + " has no permessage-deflate, or not with these parameters"
}

// maxVolleyed bounds what a server may send back for each message of a case of many,
// in compressed bytes: a third more than the longest has.
const maxVolleyed = 176 << 10

// volley sends n messages, each when the last is back, and compares them. next is one
// that is valid until its next call. Compressed messages are cut into frames of
// fragment bytes unless that is 0. It judges the case and ends the connection.
func (s *Session) volley(ctx context.Context, c *compressed, n, fragment int, opcode byte, kind eventKind, next func() []byte) {
	var plain int64
	for i := range n {
		message := next()
		plain += int64(len(message))
		s.send(0, cutFrame(c.frame(opcode, message), fragment)...)
		if wrong := s.awaitEcho(ctx, event{kind, message}); wrong != "" {
			s.converse(ctx, exchange{end: normal})
			came := s.result.Came
			s.fail("message %d of %d: %s; %s", i+1, n, wrong, came)
			return
		}
	}
	s.converse(ctx, exchange{end: normal})
	if s.result.Verdict == OK {
		s.result.Came = fmt.Sprintf("%d messages, each as it was sent; %d bytes were compressed to %d; %d messages came back compressed, in %d bytes; agreed: %s",
			n, plain, c.sent, c.messages, c.came, c.answer)
	}
}

// awaitEcho waits for one event, holds it against want and takes it out of the
// session's account. It says what is wrong.
func (s *Session) awaitEcho(ctx context.Context, want event) string {
	for len(s.events) == 0 {
		if s.closeCame != nil || s.end != nil {
			return "the " + s.other() + " ended the connection instead"
		}
		if !s.wait(ctx, s.patience) && s.end == nil {
			return "nothing came back"
		}
	}
	got := s.events[0]
	s.events = s.events[:0]
	switch {
	case got.kind != want.kind:
		return fmt.Sprintf("%s came back, not what was sent: %s", got, want)
	case !bytes.Equal(got.payload, want.payload):
		return fmt.Sprintf("%d bytes came back for %d; they differ from byte %d on", len(got.payload), len(want.payload), differ(got.payload, want.payload))
	}
	return ""
}

// differ is where a and b begin to differ.
func differ(a, b []byte) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// cutFrame cuts a message into frames of n bytes; 0 leaves it whole. RSV1 is on the
// first: RFC 7692 6.1.
func cutFrame(f Frame, n int) []Frame {
	if n == 0 {
		return []Frame{f}
	}
	frames := fragments(f.Opcode, f.Payload, n)
	frames[0].RSV = f.RSV
	return frames
}
