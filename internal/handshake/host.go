package handshake

// isNameByte holds the bytes of a registered name or IPv4 address, RFC 3986
// 3.2.2, without percent-encoding: no client sends a host so, and two readers
// may decode it differently.
var isNameByte = table("-._~!$&'()*+,;=", alphanumeric)

// checkHost holds the Host field to RFC 9112 3.2 and settles r.Host.
func (r *Request) checkHost() error {
	host := &r.known[hostField]
	if host.lines > 1 {
		return ErrHostRepeated
	}
	if host.lines == 0 {
		if r.Minor >= 1 {
			return ErrHostMissing
		}
		return nil
	}
	if !ValidHost(host.first) {
		return ErrHost
	}
	if r.Host == nil {
		r.Host = host.first
	}
	return nil
}

// ValidHost reports whether a Host value is host [ ":" port ], with a host that
// is not empty: RFC 9110 4.2.1 and 7.2, RFC 3986 3.2. A port is empty or at
// most 65535. The host is a name, an IPv4 address, or an IPv6 address in
// brackets, without a zone.
func ValidHost[T text](host T) bool {
	name, port, ok := splitHost(host)
	if !ok || !validPort(port) {
		return false
	}
	if name[0] == '[' {
		return validIPv6(name[1 : len(name)-1])
	}
	return all(name, &isNameByte)
}

// splitHost cuts host [ ":" port ] in two. The brackets of an IPv6 address stay
// with it. ok is false if there is no host or something else behind a bracket.
func splitHost[T text](host T) (name, port T, ok bool) {
	end := index(host, ':')
	if len(host) > 0 && host[0] == '[' {
		if end = index(host, ']'); end < 0 {
			return name, port, false
		}
		end++
	} else if end < 0 {
		end = len(host)
	}
	name, port = host[:end], host[end:]
	if len(port) > 0 {
		if port[0] != ':' {
			return name, port, false
		}
		port = port[1:]
	}
	return name, port, len(name) > 0
}

// validPort reports whether a port is empty or a number up to 65535.
func validPort[T text](port T) bool {
	n := 0
	for i := 0; i < len(port); i++ {
		if !isDecimal[port[i]] {
			return false
		}
		if n = n*10 + int(port[i]-'0'); n > 65535 {
			return false
		}
	}
	return true
}

// validIPv6 reports whether s is an IPv6 address: up to 8 groups of 1 to 4 hex
// digits, "::" once for a run of zeros, the last two groups also as IPv4.
// RFC 4291 2.2.
func validIPv6[T text](s T) bool {
	groups, compressed := 0, false
	if len(s) >= 2 && s[0] == ':' && s[1] == ':' {
		compressed = true
		s = s[2:]
	}
	for len(s) > 0 {
		digits := 0
		for digits < len(s) && isHex[s[digits]] {
			digits++
		}
		if digits < len(s) && s[digits] == '.' {
			groups += 2
			return validIPv4(s) && groups <= 8 && compressed == (groups < 8)
		}
		if digits == 0 || digits > 4 {
			return false
		}
		groups++
		s = s[digits:]
		if len(s) == 0 {
			break
		}
		if s[0] != ':' || len(s) == 1 {
			return false
		}
		s = s[1:]
		if s[0] == ':' {
			if compressed {
				return false
			}
			compressed = true
			s = s[1:]
		}
	}
	return groups <= 8 && compressed == (groups < 8)
}

// validIPv4 reports whether s is four decimal numbers up to 255, without
// leading zeros.
func validIPv4[T text](s T) bool {
	for part := 1; ; part++ {
		digits, n := 0, 0
		for digits < len(s) && digits < 3 && isDecimal[s[digits]] {
			n = n*10 + int(s[digits]-'0')
			digits++
		}
		if digits == 0 || n > 255 || digits > 1 && s[0] == '0' {
			return false
		}
		s = s[digits:]
		if part == 4 || len(s) == 0 {
			return part == 4 && len(s) == 0
		}
		if s[0] != '.' {
			return false
		}
		s = s[1:]
	}
}
