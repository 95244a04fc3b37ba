package deflate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Name is the extension's: RFC 7692 7.
const Name = "permessage-deflate"

// NoValue as an [Offer]'s ClientMaxWindowBits offers the parameter without one.
const NoValue = 1

// Offer is one offer of the extension: RFC 7692 7.1. Zero leaves a parameter out.
type Offer struct {
	ServerNoContextTakeover, ClientNoContextTakeover bool
	ServerMaxWindowBits, ClientMaxWindowBits         int
}

// String is the offer as it stands in Sec-WebSocket-Extensions.
func (o Offer) String() string {
	s := Name
	if o.ServerNoContextTakeover {
		s += "; server_no_context_takeover"
	}
	if o.ClientNoContextTakeover {
		s += "; client_no_context_takeover"
	}
	if o.ServerMaxWindowBits != 0 {
		s += fmt.Sprintf("; server_max_window_bits=%d", o.ServerMaxWindowBits)
	}
	switch o.ClientMaxWindowBits {
	case 0:
	case NoValue:
		s += "; client_max_window_bits"
	default:
		s += fmt.Sprintf("; client_max_window_bits=%d", o.ClientMaxWindowBits)
	}
	return s
}

// Params are the parameters of an answer. Windows that it does not name are 0.
type Params struct {
	ServerNoContextTakeover, ClientNoContextTakeover bool
	ServerMaxWindowBits, ClientMaxWindowBits         int
}

// String is p as an answer would have it.
func (p Params) String() string { return Offer(p).String() }

// Inflater returns an inflater for what the server sends.
func (p Params) Inflater() *Inflater {
	return NewInflater(bitsOr15(p.ServerMaxWindowBits), !p.ServerNoContextTakeover)
}

// Compressor returns a compressor for what the client sends: it makes use of all
// that the server has agreed to.
func (p Params) Compressor() *Compressor {
	return NewCompressor(bitsOr15(p.ClientMaxWindowBits), !p.ClientNoContextTakeover)
}

func bitsOr15(bits int) int {
	if bits == 0 {
		return 15
	}
	return bits
}

// Agree reads the values of an answer's Sec-WebSocket-Extensions lines. It fails
// unless they are one answer that one of the offers allows. What an offer says of the
// client holds even where the answer does not repeat it (RFC 7692 7.1.1.2, 7.1.2.2), and
// is in the result.
func Agree(offers []Offer, lines []string) (Params, error) {
	parsed, err := parse(strings.Join(lines, ","), false)
	p := Params(parsed)
	if err != nil {
		return Params{}, fmt.Errorf("the extensions %q: %w", lines, err)
	}
	var first error
	for _, o := range offers {
		err := o.allows(p)
		if err == nil {
			p.ClientNoContextTakeover = p.ClientNoContextTakeover || o.ClientNoContextTakeover
			if p.ClientMaxWindowBits == 0 && o.ClientMaxWindowBits > NoValue {
				p.ClientMaxWindowBits = o.ClientMaxWindowBits
			}
			return p, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = errors.New("none was offered (RFC 6455 9.1)")
	}
	return Params{}, fmt.Errorf("the extensions %q: %w", lines, first)
}

// Accept is for a server that asks of a client what an offer of the mirrored asks would
// ask of a server: it goes through the values of a request's Sec-WebSocket-Extensions
// lines for the first offer that allows the first of them, and returns the answer.
func Accept(asks []Offer, lines []string) (answer Params, ok bool) {
	for _, ask := range asks {
		for offer := range strings.SplitSeq(strings.Join(lines, ","), ",") {
			o, err := parse(offer, true)
			if err != nil || ask.ServerMaxWindowBits != 0 && o.ClientMaxWindowBits == 0 {
				continue
			}
			answer = Params{
				ServerNoContextTakeover: o.ServerNoContextTakeover || ask.ClientNoContextTakeover,
				ClientNoContextTakeover: o.ClientNoContextTakeover || ask.ServerNoContextTakeover,
				ServerMaxWindowBits:     smaller(o.ServerMaxWindowBits, ask.ClientMaxWindowBits),
			}
			if ask.ServerMaxWindowBits != 0 {
				answer.ClientMaxWindowBits = smaller(o.ClientMaxWindowBits, ask.ServerMaxWindowBits)
			}
			return answer, true
		}
	}
	return Params{}, false
}

// smaller is the smaller of two windows, of which either may not be named.
func smaller(a, b int) int {
	if a <= NoValue || b > NoValue && b < a {
		a = b
	}
	if a == NoValue {
		return 0
	}
	return a
}

// Mirror is p as the other side sees it.
func (p Params) Mirror() Params {
	return Params{
		ServerNoContextTakeover: p.ClientNoContextTakeover, ClientNoContextTakeover: p.ServerNoContextTakeover,
		ServerMaxWindowBits: p.ClientMaxWindowBits, ClientMaxWindowBits: p.ServerMaxWindowBits,
	}
}

// allows returns what in an answer o does not allow.
func (o Offer) allows(p Params) error {
	switch {
	case o.ServerNoContextTakeover && !p.ServerNoContextTakeover:
		return errors.New("server_no_context_takeover was offered and not answered (RFC 7692 7.1.1.1)")
	case o.ServerMaxWindowBits != 0 && p.ServerMaxWindowBits == 0:
		return errors.New("server_max_window_bits was offered and not answered (RFC 7692 7.1.2.1)")
	case o.ServerMaxWindowBits != 0 && p.ServerMaxWindowBits > o.ServerMaxWindowBits:
		return errors.New("server_max_window_bits is above what was offered (RFC 7692 7.1.2.1)")
	case o.ClientMaxWindowBits == 0 && p.ClientMaxWindowBits != 0:
		return errors.New("client_max_window_bits was not offered (RFC 7692 7.1.2.2)")
	case o.ClientMaxWindowBits > NoValue && p.ClientMaxWindowBits > o.ClientMaxWindowBits:
		return errors.New("client_max_window_bits is above what was offered (RFC 7692 7.1.2.2)")
	}
	return nil
}

// parse reads one offer, or the one extension that an answer may name: RFC 6455 9.1 and
// RFC 7692 7.1. Commas within quotes do not occur in any value that is right.
func parse(value string, offer bool) (p Offer, err error) {
	parts := strings.Split(value, ";")
	if name := trim(parts[0]); name != Name {
		return p, fmt.Errorf("%q is not what was offered, or not alone (RFC 6455 9.1)", name)
	}
	seen := map[string]bool{}
	for _, part := range parts[1:] {
		name, value, hasValue := strings.Cut(part, "=")
		name = trim(name)
		if seen[name] {
			return p, fmt.Errorf("%s stands there twice (RFC 7692 7.1)", name)
		}
		seen[name] = true
		switch name {
		case "server_no_context_takeover":
			p.ServerNoContextTakeover = true
		case "client_no_context_takeover":
			p.ClientNoContextTakeover = true
		case "server_max_window_bits":
			p.ServerMaxWindowBits, err = windowBits(value)
		case "client_max_window_bits":
			if offer && !hasValue {
				p.ClientMaxWindowBits = NoValue
				break
			}
			p.ClientMaxWindowBits, err = windowBits(value)
		default:
			return p, fmt.Errorf("%q is no parameter of %s (RFC 7692 7.1)", name, Name)
		}
		if err != nil {
			return p, err
		}
		if hasValue && strings.HasSuffix(name, "takeover") {
			return p, fmt.Errorf("%s has a value (RFC 7692 7.1.1)", name)
		}
	}
	return p, nil
}

// windowBits reads a whole number from 8 to 15 without leading zeros, as a token or
// quoted: RFC 7692 7.1.2, RFC 6455 9.1.
func windowBits(value string) (int, error) {
	v := trim(value)
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		v = v[1 : len(v)-1]
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 8 || n > 15 || v != strconv.Itoa(n) {
		return 0, fmt.Errorf("%q is no window: want 8 to 15 (RFC 7692 7.1.2)", trim(value))
	}
	return n, nil
}

func trim(s string) string { return strings.Trim(s, " \t") }
