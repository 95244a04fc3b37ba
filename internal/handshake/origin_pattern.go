package handshake

import (
	"errors"
	"fmt"
)

// ErrPattern says that an origin pattern is malformed.
var ErrPattern = errors.New("malformed origin pattern")

// ValidatePattern returns nil if [CheckOrigin] understands the pattern, or else
// a *[CallerError] that wraps [ErrPattern] and says what is wrong, for a server
// to report when it starts.
func ValidatePattern(pattern string) error {
	if pattern == "*" || equalFold(pattern, "null") {
		return nil
	}
	if _, fault := parsePattern(pattern); fault != "" {
		return &CallerError{
			What: fmt.Sprintf("origin pattern %q", pattern),
			Err:  fmt.Errorf("%w: %s", ErrPattern, fault),
		}
	}
	return nil
}

// originPattern is a parsed pattern other than "*" and "null".
type originPattern struct {
	scheme  string // empty: http or https
	below   bool   // names below host, or any host if that is empty
	host    string
	anyPort bool
	port    string // empty: the scheme's default
}

// parsePattern reads [ scheme "://" ] [ "*" [ "." ] ] [ host ] [ ":" port ].
// fault says what is wrong, or is empty.
func parsePattern(s string) (p originPattern, fault string) {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return p, "only visible ASCII; write other names in punycode"
		}
	}
	rest := s
	if i := index(s, '/'); i >= 0 {
		if i < 2 || s[i-1] != ':' || len(s) < i+2 || s[i+1] != '/' {
			return p, "an origin has no path; write scheme://host:port"
		}
		p.scheme, rest = s[:i-1], s[i+2:]
		if !all(p.scheme, &isSchemeByte) {
			return p, "malformed scheme"
		}
	}
	if index(rest, '/') >= 0 {
		return p, "an origin has no path; leave out what follows the host and port"
	}

	// The stars, of host and port, are not in the grammar of an origin.
	if n := len(rest); n >= 2 && rest[n-2:] == ":*" {
		p.anyPort, rest = true, rest[:n-2]
	}
	switch {
	case len(rest) > 1 && rest[:2] == "*.":
		p.below, rest = true, rest[2:]
		if len(rest) == 0 || rest[0] == '.' {
			return p, "a name must follow *."
		}
	case len(rest) > 0 && rest[0] == '*':
		p.below = true
		if len(rest) > 1 && rest[1] != ':' {
			return p, "* stands for whole labels: *.example.com"
		}
		rest = rest[1:]
		if !validPort(rest[min(1, len(rest)):]) {
			return p, "malformed port"
		}
		p.port = rest[min(1, len(rest)):]
		return p, p.portFault(rest)
	}
	if index(rest, '*') >= 0 {
		return p, "* stands only for the whole host, in front as *., or for the port"
	}
	if !ValidHost(rest) {
		return p, "malformed host or port"
	}
	p.host, p.port, _ = splitHost(rest)
	if p.below && p.host[0] == '[' {
		return p, "no names are below an address"
	}
	return p, p.portFault(rest[len(p.host):])
}

// portFault refuses a colon without a port, and a second port.
func (p *originPattern) portFault(port string) string {
	if port == ":" || p.anyPort && port != "" {
		return "malformed port"
	}
	return ""
}

// matches compares an origin with a pattern: host, then port, then scheme.
func matches[T text](p originPattern, o webOrigin[T], tls bool) bool {
	if p.below {
		at := len(o.host) - len(p.host)
		if p.host != "" && (at < 2 || o.host[at-1] != '.' || !equalFold(o.host[at:], p.host)) {
			return false
		}
	} else if !equalFold(o.host, p.host) {
		return false
	}
	if !p.anyPort && !samePort(o.scheme, o.port, p.port) {
		return false
	}
	if p.scheme == "" {
		return webScheme(o.scheme, tls)
	}
	return equalFold(o.scheme, p.scheme)
}
