package forwarded

import (
	"net/netip"

	"github.com/framerail/framerail/internal/token"
)

// MaxHops is how many proxies are believed at most, one behind the other. There are seldom
// more than three; it bounds the work for a request whose field names nothing but those
// that are trusted.
const MaxHops = 16

// Grammar is how the elements of a field are written.
type Grammar uint8

const (
	// Plain: each element is an address, as in X-Forwarded-For. It may have a port; an
	// IPv6 address that has one is in brackets.
	Plain Grammar = iota
	// Standard: each element is a list of parameters, as in Forwarded (RFC 7239 4).
	Standard
)

// Client is who has sent a request that came from peer, according to the lines of a field
// in order. What a peer says counts if it is trusted; the zero Addr is that of one over a unix
// socket. Where a trusted proxy says nothing that can be read, be it that it has not
// written the field, hides the address ("unknown", RFC 7239 6.2) or is mistaken, it is itself
// the client as far as can be told. The port is 0 if none is told. The proto is that of the
// element that was looked at last, Standard alone having one: a part of the lines.
func Client[T token.Text](peer netip.AddrPort, lines []T, g Grammar, trusted func(netip.Addr) bool) (client netip.AddrPort, proto T) {
	client = peer
	f := field[T]{lines: lines, quoted: g == Standard}
	for range MaxHops {
		if !trusted(client.Addr()) {
			break
		}
		element, ok := f.last()
		if !ok {
			break
		}
		node := element
		if g == Standard {
			said := proto
			if node, said, ok = parameters(element); !ok {
				break
			}
			proto = said
		}
		next, ok := parseNode(node)
		if !ok {
			break
		}
		client = next
	}
	return client, proto
}

// Last is the last element of the lines of a field that is a list of tokens, such as
// X-Forwarded-Proto; nothing if there is none.
func Last[T token.Text](lines []T) (element T) {
	f := field[T]{lines: lines}
	element, _ = f.last()
	return element
}

// field is what is left of a field that is a list, which is taken apart from its right end.
type field[T token.Text] struct {
	lines  []T
	line   T    // what is left of the one behind lines
	quoted bool // a comma may be in a quoted string
}

// last takes the last element off. Empty ones are passed over (RFC 9110 5.6.1.2).
func (f *field[T]) last() (element T, ok bool) {
	for {
		for len(f.line) > 0 {
			at := f.comma()
			element = token.Trim(f.line[at+1:])
			f.line = f.line[:max(at, 0)]
			if len(element) > 0 {
				return element, true
			}
		}
		n := len(f.lines)
		if n == 0 {
			return element, false
		}
		f.lines, f.line = f.lines[:n-1], f.lines[n-1]
	}
}

// comma is the place of the last comma that parts two elements; -1 if there is none. A
// quoted string is found by its end: so what is read does not depend on what is to its left.
func (f *field[T]) comma() int {
	for i := len(f.line) - 1; i >= 0; i-- {
		switch {
		case f.line[i] == ',':
			return i
		case f.line[i] == '"' && f.quoted:
			i = opening(f.line, i)
		}
	}
	return -1
}

// opening is the place of the quote before the one at i which ends its string; 0 if there is
// none. One that is escaped is in the string (RFC 9110 5.6.4).
func opening[T token.Text](line T, i int) int {
	for i--; i > 0; i-- {
		if line[i] != '"' {
			continue
		}
		escapes := 0
		for escapes < i && line[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
		i -= escapes
	}
	return 0
}

// ValidField tells whether a field can have that name (RFC 9110 5.1).
func ValidField(name string) bool {
	token, rest := cutName(name)
	return len(token) > 0 && rest == ""
}
