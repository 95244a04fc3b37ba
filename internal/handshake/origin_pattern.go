package handshake

import (
	"errors"
	"fmt"
	"strings"
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

// parsePattern reads [ scheme "://" ] ( host / "*" / "*." name ) [ ":" ( port /
// "*" ) ], or a scheme alone as parseOrigin does. fault says what is wrong, or
// is empty.
func parsePattern(s string) (p originPattern, fault string) {
	if s == "" {
		return p, "it is empty"
	}
	if !all(s, &isVisible) {
		return p, "only visible ASCII; write other names in punycode"
	}
	rest := s
	if i := strings.Index(s, "://"); i >= 0 {
		p.scheme, rest = s[:i], s[i+len("://"):]
		if !validScheme(p.scheme) {
			return p, "malformed scheme"
		}
		if rest == "" && !webScheme(p.scheme, false) {
			return p, ""
		}
	}
	if index(rest, '/') >= 0 {
		return p, "an origin ends with its host or port; leave out the slash and what follows"
	}

	host, port, ok := splitHost(rest)
	if !ok {
		return p, "malformed host"
	}
	p.anyPort = port == "*"
	if !p.anyPort {
		p.port = port
	}
	if !validPort(p.port) || port == "" && len(rest) > len(host) {
		return p, "malformed port"
	}

	switch {
	case host == "*":
		p.below = true
		return p, ""
	case strings.HasPrefix(host, "*."):
		p.below, p.host = true, host[len("*."):]
		if p.host == "" || p.host[0] == '.' {
			return p, "a name must follow *."
		}
	default:
		p.host = host
	}
	if index(p.host, '*') >= 0 {
		return p, "* stands for whole labels in front, as in *.example.com"
	}
	if !ValidHost(p.host) {
		return p, "malformed host"
	}
	return p, ""
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
