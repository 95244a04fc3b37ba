package forwarded

import (
	"net/netip"

	"github.com/framerail/framerail/internal/token"
)

// MaxHops is how many proxies in a row are believed at most. There are seldom more than three. It
// bounds the work for a request whose field names only trusted proxies.
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

// Client returns the address of the client that has sent a request. The request came from peer, and
// lines are the field's lines in order. An element counts if the address that sent it is trusted. The
// zero Addr is a peer over a unix socket.
//
// A trusted proxy may have written no address that can be read: no field, a hidden address ("unknown",
// RFC 7239 6.2), or a malformed one. Then the proxy itself is returned as the client. The port is 0 if
// none is given. The proto is that of the element read last, a part of lines. Only Standard has
// one.
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

// Last is the last element of a field that is a list of tokens, such as X-Forwarded-Proto. It is
// empty if there is none.
func Last[T token.Text](lines []T) (element T) {
	f := field[T]{lines: lines}
	element, _ = f.last()
	return element
}

// field is the unread part of a field that is a list. It is read from its right end.
type field[T token.Text] struct {
	lines  []T
	line   T    // the unread part of the line behind lines
	quoted bool // a comma may be in a quoted string
}

// last takes the last element off. It skips empty elements (RFC 9110 5.6.1.2).
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

// comma is the place of the last comma that separates two elements; -1 if there is none. A quoted
// string is found by its end, so the result does not depend on the text to its left.
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

// opening is the place of the quote that begins the string which ends at i; 0 if there is none. An
// escaped quote is a part of the string (RFC 9110 5.6.4).
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

// ValidField reports whether a field can have that name (RFC 9110 5.1).
func ValidField(name string) bool {
	token, rest := cutName(name)
	return len(token) > 0 && rest == ""
}
