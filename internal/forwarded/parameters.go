package forwarded

import (
	"strings"

	"github.com/framerail/framerail/internal/token"
)

// parameters reads an element of Forwarded (RFC 7239 4). It returns the values of its parameters for
// and proto, without quotes, and empty values for missing ones. Escapes stay, because no address
// needs one.
//
//	forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
//	forwarded-pair    = token "=" ( token / quoted-string )
//
// Two habits of proxies are accepted: white space around the semicolon, as in the RFC's own
// examples, and missing quotes around values that need them, such as an address with a port.
func parameters[T token.Text](element T) (node, proto T, ok bool) {
	var none T
	var seenFor, seenProto bool
	for rest := element; len(rest) > 0; {
		var name, value T
		if name, value, rest, ok = cutPair(rest); !ok {
			return none, none, false
		}
		repeated := false
		switch {
		case strings.EqualFold(string(name), "for"):
			node, repeated, seenFor = value, seenFor, true
		case strings.EqualFold(string(name), "proto"):
			proto, repeated, seenProto = value, seenProto, true
		}
		if repeated { // RFC 7239 4: not in one element
			return none, none, false
		}
	}
	return node, proto, true
}

// cutPair takes a pair off, which may be empty, and the semicolon behind it.
func cutPair[T token.Text](s T) (name, value, rest T, ok bool) {
	name, rest = cutName(token.Trim(s))
	if len(name) > 0 {
		if len(rest) == 0 || rest[0] != '=' {
			return name, value, rest, false
		}
		if value, rest, ok = cutValue(rest[1:]); !ok {
			return name, value, rest, false
		}
		rest = token.Trim(rest)
	}
	if len(rest) > 0 {
		if rest[0] != ';' {
			return name, value, rest, false
		}
		rest = rest[1:]
	}
	return name, value, rest, true
}

// cutName takes a token off, which is empty if there is none.
func cutName[T token.Text](s T) (name, rest T) {
	n := 0
	for n < len(s) && token.Is[s[n]] {
		n++
	}
	return s[:n], s[n:]
}

// cutValue takes a value off, and its quotes.
func cutValue[T token.Text](s T) (value, rest T, ok bool) {
	if len(s) > 0 && s[0] == '"' {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return s[1:i], s[i+1:], true
			}
		}
		return value, s, false
	}
	n := 0
	for n < len(s) && (token.Is[s[n]] || s[n] == ':' || s[n] == '[' || s[n] == ']') {
		n++
	}
	return s[:n], s[n:], n > 0
}
