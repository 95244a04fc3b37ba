package handshake

import (
	"net/url"
	"strconv"
	"strings"
)

// plainOrigin is the oracle's reading of an origin, by net/url: its parts in lower
// case, the port as a number, -1 if the scheme has none. ok is false for what no
// browser writes: RFC 6454 6.1.
func plainOrigin(origin string) (scheme, host string, port int, ok bool) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || !strings.EqualFold(origin, u.Scheme+"://"+u.Host) {
		return "", "", 0, false
	}
	if u.Host == "" {
		return u.Scheme, "", -1, u.Scheme != "http" && u.Scheme != "https"
	}
	name, port, ok := plainHost(u.Scheme, u.Host)
	return u.Scheme, name, port, ok
}

// plainHost reads host [ ":" port ] of a scheme. What is a host at all is left to
// ValidHost, which FuzzHost holds to oracles of its own.
func plainHost(scheme, hostport string) (name string, port int, ok bool) {
	u, err := url.Parse("x://" + hostport)
	if err != nil || u.Host != hostport || !ValidHost(hostport) {
		return "", 0, false
	}
	port = map[string]int{"http": 80, "https": 443, "": -1}[scheme]
	if port == 0 {
		port = -1
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return "", 0, false
		}
	}
	return strings.ToLower(u.Hostname()), port, true
}

// plainSameOrigin is the oracle of CheckOrigin without patterns.
func plainSameOrigin(origin, host string, tls bool) bool {
	if origin == "" {
		return true
	}
	scheme, name, port, ok := plainOrigin(origin)
	if !ok || scheme != "https" && (scheme != "http" || tls) {
		return false
	}
	wantName, wantPort, ok := plainHost(scheme, host)
	return ok && name == wantName && port == wantPort
}

// plainMatch is the oracle of a pattern that is well-formed, for an origin that is
// not the server's own.
func plainMatch(pattern, origin string, tls bool) bool {
	pattern = strings.ToLower(pattern)
	if pattern == "*" {
		return true
	}
	if pattern == "null" {
		return origin == "null"
	}
	scheme, name, port, ok := plainOrigin(origin)
	if !ok {
		return false
	}
	want, rest, ok := strings.Cut(pattern, "://")
	switch {
	case !ok:
		rest = pattern
		if scheme != "https" && (scheme != "http" || tls) {
			return false
		}
	case scheme != want:
		return false
	}
	if rest == "" {
		return name == ""
	}

	// The port: none, a number, or any.
	if host, any := strings.CutSuffix(rest, ":*"); any {
		rest, port = host, -2
	}
	if tail, below := strings.CutPrefix(rest, "*"); below {
		// Any host for *, one that ends in .name for *.name.
		if tail == "" || tail[0] == ':' {
			rest = "any" + tail
			name = "any"
		} else if before, found := strings.CutSuffix(name, strings.SplitN(tail, ":", 2)[0]); found && before != "" {
			rest = "any" + strings.TrimPrefix(tail, strings.SplitN(tail, ":", 2)[0])
			name = "any"
		} else {
			return false
		}
	}
	wantName, wantPort, ok := plainHost(scheme, rest)
	return ok && name == wantName && (port == wantPort || port == -2)
}
