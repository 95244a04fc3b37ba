package handshake

// The web address of a page: scheme "://" host [ ":" port ]. RFC 6454 6.
type webOrigin[T text] struct {
	scheme, host, port T // port empty: the scheme's default
}

var isSchemeByte = table("+-.", alphanumeric)

// validScheme reports whether s is a scheme: RFC 3986 3.1.
func validScheme[T text](s T) bool {
	return all(s, &isSchemeByte) && 'a' <= lower(s[0]) && lower(s[0]) <= 'z'
}

// parseOrigin reads an origin as browsers write it: nothing behind the port. An
// app's scheme may stand without a host.
func parseOrigin[T text](s T) (o webOrigin[T], ok bool) {
	colon := index(s, ':')
	if colon < 0 || len(s) < colon+3 || s[colon+1] != '/' || s[colon+2] != '/' {
		return o, false
	}
	o.scheme = s[:colon]
	if !validScheme(o.scheme) {
		return o, false
	}
	authority := s[colon+3:]
	if len(authority) == 0 && !webScheme(o.scheme, false) {
		return o, true // file:// and the like
	}
	if !ValidHost(authority) {
		return o, false
	}
	o.host, o.port, _ = splitHost(authority)
	return o, true
}

// samePort compares two ports, where an empty one is the scheme's default.
func samePort[S, A, B text](scheme S, a A, b B) bool {
	return portNumber(scheme, a) == portNumber(scheme, b)
}

func portNumber[S, T text](scheme S, port T) int {
	if len(port) == 0 {
		switch {
		case equalFold(scheme, "http"):
			return 80
		case equalFold(scheme, "https"):
			return 443
		}
		return -1
	}
	n := 0
	for i := 0; i < len(port); i++ {
		n = n*10 + int(port[i]-'0')
	}
	return n
}

// CheckOrigin decides whether a page of that origin may connect. It returns
// nil, [ErrOrigin] or [ErrOriginMalformed]. It does not allocate and keeps
// nothing. RFC 6455 4.2.2 and 10.2, RFC 6454.
//
// An empty origin means that the request had none: it does not come from a
// page, and is allowed. Otherwise the origin must be that of the request itself
// or match one of the patterns.
//
// Same origin: the scheme is http or https; host and port equal those of host,
// the request's Host. Hosts are compared as text without regard to case. A port
// left out is the default of the origin's scheme, on both sides. If tls is true
// the scheme must be https. If it is false either will do, since a proxy in
// front may have ended TLS.
//
// A pattern is one of
//
//   - every origin, null included: the check is off
//     null                   the origin of sandboxed pages and local files
//     example.com            http or https (https alone if tls), the default port
//     https://example.com    that scheme
//     example.com:8080       that port;  example.com:*  any port
//     *.example.com          names below example.com, at any depth, not itself
//     https://*              any host
//
// all without regard to case. See [ValidatePattern]; a malformed pattern
// matches nothing.
func CheckOrigin[O, H text](origin O, host H, tls bool, patterns []string) error {
	if len(origin) == 0 {
		return nil
	}
	o, ok := parseOrigin(origin)
	isNull := string(origin) == "null"
	if ok && sameOrigin(o, host, tls) {
		return nil
	}
	for _, s := range patterns {
		switch {
		case s == "*":
			return nil
		case equalFold(s, "null"):
			if isNull {
				return nil
			}
		case ok:
			if p, fault := parsePattern(s); fault == "" && matches(p, o, tls) {
				return nil
			}
		}
	}
	if !ok && !isNull {
		return ErrOriginMalformed
	}
	return ErrOrigin
}

// webScheme reports whether pages of the scheme can be the server's own.
func webScheme[T text](scheme T, tls bool) bool {
	return equalFold(scheme, "https") || !tls && equalFold(scheme, "http")
}

func sameOrigin[O, H text](o webOrigin[O], host H, tls bool) bool {
	if !webScheme(o.scheme, tls) || !ValidHost(host) {
		return false
	}
	name, port, _ := splitHost(host)
	return equalFold(o.host, name) && samePort(o.scheme, o.port, port)
}
