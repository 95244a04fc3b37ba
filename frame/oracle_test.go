package frame

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// plainDecode is the oracle of Decoder: RFC 6455 5 to the letter over bytes that
// are all there, with nothing of frame's own but names and limits. It returns the
// trace that traceOf must give, and the messages that are whole.
func plainDecode(role Role, limits Limits, in []byte) (trace string, messages []string) {
	p := plainDecoder{maxSize: limits.MaxMessageSize, maxFragments: limits.MaxFragments}
	if p.maxSize <= 0 {
		p.maxSize = defaultMaxMessageSize
	}
	if p.maxFragments <= 0 {
		p.maxFragments = defaultMaxFragments
	}
	for len(in) > 0 {
		h, fault := plainDecodeHeader(in, role == Server, p.opcode != Continuation)
		if fault != nil {
			return p.out + bad(fault), p.messages
		}
		if h.size == 0 {
			break
		}
		in = in[h.size:]
		payload := make([]byte, min(h.length.Uint64(), uint64(len(in))))
		for i := range payload {
			payload[i] = in[i] ^ h.key[i%4]
		}
		in = in[len(payload):]
		whole := h.length.Cmp(big.NewInt(int64(len(payload)))) == 0
		if fault := p.frame(h, payload, whole); fault != nil {
			return p.out + bad(fault), p.messages
		}
	}
	return p.out, p.messages
}

// plainDecoder is what lies between two frames.
type plainDecoder struct {
	maxSize      int64
	maxFragments int
	out          string
	messages     []string
	opcode       Opcode // of the message in progress; Continuation: none
	open         bool   // its type was written to out
	message      []byte // as far as it was written to out
	claimed      big.Int
	fragments    int
}

// frame takes a frame, whole or as far as its payload has come.
func (p *plainDecoder) frame(h plainHeader, payload []byte, whole bool) *Error {
	if h.opcode.IsControl() {
		if whole {
			p.out += fmt.Sprintf("<%v %x>", h.opcode, payload)
		}
		return nil
	}

	// RFC 6455 5.4, 10.4: a message is the payloads of its frames, one by one.
	if h.opcode != Continuation {
		p.opcode, p.open, p.message, p.fragments = h.opcode, false, nil, 0
		p.claimed.SetInt64(0)
	}
	if p.fragments++; p.fragments > p.maxFragments {
		return ErrTooManyFragments
	}
	if p.claimed.Add(&p.claimed, &h.length).Cmp(big.NewInt(p.maxSize)) > 0 {
		return ErrMessageTooBig
	}

	// RFC 6455 8.1: text fails at its first bad byte, or at its last if it ends
	// within a sequence.
	end := whole && h.fin
	good := len(payload)
	if p.opcode == Text {
		all := append(p.message, payload...)
		at, valid := plainText(all)
		if end && !valid && at == len(all) {
			at--
		}
		good = at - len(p.message)
	}
	fault := good < len(payload) || good < 0
	good = max(good, 0)
	if !p.open && (good > 0 || whole && !fault) {
		p.out += p.opcode.String() + "("
		p.open = true
	}
	p.out += hex.EncodeToString(payload[:good])
	p.message = append(p.message, payload[:good]...)
	if fault {
		return ErrInvalidUTF8
	}
	if end {
		p.out += ") "
		p.messages = append(p.messages, string(p.message))
		p.opcode = Continuation
	}
	return nil
}

// plainText returns the offset of the first byte that no UTF-8 text can have
// there, or len(b), and whether b is UTF-8.
func plainText(b []byte) (at int, valid bool) {
	for at < len(b) {
		r, size := utf8.DecodeRune(b[at:])
		if r != utf8.RuneError || size > 1 {
			at += size
			continue
		}
		// An incomplete encoding is not full, a wrong one is.
		for n := at + 1; n <= len(b); n++ {
			if utf8.FullRune(b[at:n]) {
				return n - 1, false
			}
		}
		return len(b), false
	}
	return at, true
}

// plainHeader is a header in numbers of any size. size is its own length; 0: it
// is not whole.
type plainHeader struct {
	fin    bool
	opcode Opcode
	length big.Int
	key    [4]byte
	size   int
}

// plainDecodeHeader reads the header that b, which is not empty, starts with, and
// finds the fault that is known after the fewest bytes.
func plainDecodeHeader(b []byte, masked, inMessage bool) (h plainHeader, fault *Error) {
	h.fin, h.opcode = b[0]>>7 == 1, Opcode(b[0]&15)
	switch {
	case b[0]>>4&7 != 0:
		return h, errReservedBits
	case h.opcode >= 3 && h.opcode <= 7, h.opcode >= 11:
		return h, errReservedOpcode
	case h.opcode >= 8 && !h.fin:
		return h, errFragmentedControl
	case h.opcode == 0 && !inMessage:
		return h, errUnexpectedContinuation
	case h.opcode >= 1 && h.opcode <= 2 && inMessage:
		return h, errExpectedContinuation
	case len(b) == 1:
		return h, nil
	case b[1]>>7 == 0 && masked:
		return h, errUnmasked
	case b[1]>>7 == 1 && !masked:
		return h, errMasked
	case h.opcode >= 8 && b[1]&127 > 125:
		return h, errControlTooLong
	}
	more := map[byte]int{126: 2, 127: 8}[b[1]&127]
	least := map[byte]int64{126: 126, 127: 1 << 16}[b[1]&127]
	size := 2 + more
	if len(b) < size {
		return h, nil
	}
	h.length.SetInt64(int64(b[1] & 127))
	if more > 0 {
		h.length.SetBytes(b[2:size])
	}
	switch {
	case h.length.BitLen() == 64:
		return h, errLengthTopBit
	case h.length.Cmp(big.NewInt(least)) < 0:
		return h, errNonMinimalLength
	}
	if masked {
		if size += 4; len(b) < size {
			return h, nil
		}
		copy(h.key[:], b[size-4:])
	}
	h.size = size
	return h, nil
}

func TestDecoderAsTheOracleDecodes(t *testing.T) {
	check := func(name string, role Role, limits Limits, in []byte) {
		t.Helper()
		want, _ := plainDecode(role, limits, in)
		if got := traceOf(t, role, limits, in, whole); got != want {
			t.Errorf("%s, %v:\ngot  %.500s\nwant %.500s", name, role, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(6455, 5))
	for _, s := range sessions {
		for _, role := range []Role{Server, Client} {
			in := s.bytes(role)
			check(s.name, role, s.limits, in)
			for range 200 {
				changed := append([]byte(nil), in...)
				for range 1 + rng.IntN(3) {
					if len(changed) > 0 {
						changed[rng.IntN(len(changed))] ^= 1 << rng.IntN(8)
					}
				}
				check(s.name+", bits changed", role, s.limits, changed)
			}
		}
	}
	for _, c := range refused {
		check(c.rule, c.role, Limits{}, fromHex(t, c.hex))
	}
}
