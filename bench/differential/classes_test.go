package differential

import (
	"slices"
	"strings"

	"github.com/framerail/framerail/frame"
)

// class is a kind of difference between a reader and framerail, and what explains
// it.
type class struct {
	name   string
	reader string // "" for any
	why    string // with the section of RFC 6455
	is     func(in []byte, got, want outcome) bool
}

func (c class) String() string {
	if c.reader == "" {
		return c.name
	}
	return c.reader + ": " + c.name
}

// classes are all differences there may be; got is the reader's outcome, want
// framerail's.
var classes = []class{
	{"found earlier", "", "Whoever reads whole headers or messages first finds a fault in them when they are whole: RFC 6455 7.1.7 asks to fail the connection, not at which byte.",
		func(in []byte, got, want outcome) bool {
			return want.end == refused && got.end == cut && slices.Equal(got.items, want.items) && !faultWhole(in, want)
		}},
	{"end of the stream taken for the end of a message", "coder", "RFC 6455 5.4: a message ends with its frame that has FIN; what came so far of one that did not end is not a message.",
		func(in []byte, got, want outcome) bool {
			n := len(want.items)
			onceMore := got.end == refused && strings.Contains(got.why.Error(), "previous message not read to completion")
			return len(got.items) == n+1 && slices.Equal(got.items[:n], want.items) && (got.end == cut || onceMore) &&
				(want.end == cut || !faultWhole(in, want))
		}},
	otherCode("gorilla", errCloseReasonUTF8, frame.ProtocolError, "RFC 6455 7.4.1: 1007 is for data that is not what its type says; gorilla sends 1002 for a reason that is not UTF-8."),
	otherCode("gobwas", errCloseReasonUTF8, frame.ProtocolError, "RFC 6455 7.4.1: 1007 is for data that is not what its type says; gobwas sends 1002 for a reason that is not UTF-8."),
	lax("gorilla", frame.ErrInvalidUTF8, "RFC 6455 8.1: text is UTF-8; gorilla leaves that to the program."),
	lax("coder", frame.ErrInvalidUTF8, "RFC 6455 8.1: text is UTF-8; coder leaves that to the program."),
	lax("gorilla", errNonMinimalLength, "RFC 6455 5.2: the minimal number of bytes MUST be used to encode the length; gorilla does not look."),
	lax("coder", errNonMinimalLength, "RFC 6455 5.2: the minimal number of bytes MUST be used to encode the length; coder does not look."),
	lax("coder", errControlTooLong, "RFC 6455 5.5 and 5.2: a control frame has at most 125 bytes, and so its length in 7 bits; coder takes a short one in a longer form."),
	lax("gobwas", errControlTooLong, "RFC 6455 5.5 and 5.2: a control frame has at most 125 bytes, and so its length in 7 bits; gobwas takes a short one in a longer form."),
	lax("coder", errCloseReasonUTF8, "RFC 6455 5.5.1: the reason is UTF-8; coder leaves that to the program."),
	lax("gobwas", errCloseCode, "RFC 6455 7.4.2: codes from 5000 on belong to nobody; gobwas takes them."),
	lax("gorilla", errCloseLength, "RFC 6455 5.5.1: a body begins with a code of two bytes; gorilla takes one byte for none."),
	unknownCodes("gorilla", "1014"),
	unknownCodes("gobwas", "1012", "1013", "1014"),
	lax("gobwas", errNonMinimalLength, "RFC 6455 5.2: the minimal number of bytes MUST be used to encode the length; gobwas does not look."),
}

// lax is the class of a rule that the reader does not hold the peer to: it goes on
// where framerail refuses.
func lax(reader string, rule *frame.Error, why string) class {
	return class{rule.Rule, reader, why, func(_ []byte, got, want outcome) bool {
		return want.why == error(rule) && len(got.items) >= len(want.items) && slices.Equal(got.items[:len(want.items)], want.items)
	}}
}

// otherCode is the class of a fault that the reader gives another close code.
func otherCode(reader string, rule *frame.Error, code frame.CloseCode, why string) class {
	return class{"another code: " + rule.Rule, reader, why, func(_ []byte, got, want outcome) bool {
		return want.why == error(rule) && got.end == refused && got.code == code && slices.Equal(got.items, want.items)
	}}
}

// unknownCodes is the class of close codes that were registered after RFC 6455, and
// that the reader does not know.
func unknownCodes(reader string, codes ...string) class {
	return class{"close codes of the registry", reader, "RFC 6455 7.4.2 and 11.7: codes up to 2999 come by registration, as 1012 to 1014 have; " + reader + " refuses " + strings.Join(codes, ", ") + ".",
		func(_ []byte, got, want outcome) bool {
			if want.end != closed || got.end != refused || got.code != frame.ProtocolError {
				return false
			}
			n := len(want.items) - 1
			code := strings.Fields(want.items[n])[1]
			return slices.Contains(codes, code) && slices.Equal(got.items, want.items[:n])
		}}
}

// explain finds the class of a difference, or "same" if there is none, or "".
func explain(reader string, in []byte, got, want outcome) string {
	if got.end == want.end && slices.Equal(got.items, want.items) && (got.code == 0 || got.code == want.code) {
		return "same"
	}
	for _, c := range classes {
		if (c.reader == "" || c.reader == reader) && c.is(in, got, want) {
			return c.String()
		}
	}
	return ""
}

// faultWhole tells whether the frame at whose bytes framerail refuses is in the
// input to its end, and for bad text, the whole message.
func faultWhole(in []byte, want outcome) bool {
	at := 0
	for at < len(in) {
		size, ok := frameSize(in[at:])
		if !ok {
			return false
		}
		end := at + size
		if got := readFramerail(in[:end]); got.end == refused {
			return want.why != error(frame.ErrInvalidUTF8) || messageEnds(in[at:])
		}
		at = end
	}
	return true
}

// messageEnds tells whether a message, in whose frame in begins, ends within it.
func messageEnds(in []byte) bool {
	for len(in) > 0 {
		size, ok := frameSize(in)
		if !ok {
			return false
		}
		if in[0]&0x88 == 0x80 {
			return true
		}
		in = in[size:]
	}
	return false
}

// frameSize is the size of the frame that in begins with, in the letter of its
// header and whatever is wrong with it. ok is false if it is not all there.
func frameSize(in []byte) (size int, ok bool) {
	if len(in) < 2 {
		return 0, false
	}
	length, head := uint64(in[1]&127), 2
	for more := map[uint64]int{126: 2, 127: 8}[length]; more > 0; more = 0 {
		if len(in) < 2+more {
			return 0, false
		}
		length, head = 0, 2+more
		for _, b := range in[2:head] {
			length = length<<8 | uint64(b)
		}
	}
	if in[1]&128 != 0 {
		head += 4
	}
	if len(in) < head || length > uint64(len(in)-head) {
		return 0, false
	}
	return head + int(length), true
}
