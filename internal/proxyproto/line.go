package proxyproto

import (
	"bytes"
	"net/netip"
)

// Version 1 is a line of text: section 2.1 of the specification.
const (
	linePrefix = "PROXY "
	unknown    = "UNKNOWN"
)

// decodeLine reads a header of version 1. It judges bytes in order, so the verdict does not depend on
// how the line is cut.
func decodeLine(b []byte) (h Header, n int, err error) {
	line := b[:min(len(b), maxLine)]
	end := bytes.IndexAny(line, "\r\n")
	if end >= 0 {
		line = line[:end]
	}
	if !mayBegin(line) {
		return h, 0, ErrLine
	}
	if end < 0 {
		if len(line) == maxLine {
			return h, 0, ErrLineEnd
		}
		return h, 0, nil
	}

	// Neither CR nor LF stands alone.
	if b[end] == '\n' {
		return h, 0, ErrLineEnd
	}
	if h, err = parseLine(line); err != nil {
		return Header{}, 0, err
	}
	switch n = end + len("\r\n"); {
	case n > maxLine, n <= len(b) && b[n-1] != '\n':
		return Header{}, 0, ErrLineEnd
	case n > len(b):
		return Header{}, 0, nil
	}
	return h, n, nil
}

// mayBegin reports whether a valid line may begin so, up to its family.
func mayBegin(line []byte) bool {
	if len(line) <= len(linePrefix) {
		return true
	}
	for _, family := range [...]string{unknown, "TCP4 ", "TCP6 "} {
		if beginsWith(line[len(linePrefix):], family) {
			return true
		}
	}
	return false
}

// parseLine reads a line without its end.
func parseLine(line []byte) (h Header, err error) {
	family, rest, _ := bytes.Cut(bytes.TrimPrefix(line, []byte(linePrefix)), []byte(" "))
	h.Version = 1
	switch string(family) {
	case unknown: // the rest of the line is ignored
		return h, nil
	case "TCP4", "TCP6":
	default:
		return Header{}, ErrLine
	}

	var fields [4][]byte // source, destination, their ports
	for i := range fields {
		var more bool
		fields[i], rest, more = bytes.Cut(rest, []byte(" "))
		if more != (i < len(fields)-1) {
			return Header{}, ErrLine
		}
	}
	six := family[3] == '6'
	source, ok1 := parseEnd(fields[0], fields[2], six)
	destination, ok2 := parseEnd(fields[1], fields[3], six)
	if !ok1 || !ok2 {
		return Header{}, ErrLine
	}
	h.Source, h.Destination = source, destination
	return h, nil
}

// parseEnd reads one end of a connection.
func parseEnd(address, port []byte, six bool) (end netip.AddrPort, ok bool) {
	addr, err := netip.ParseAddr(string(address)) // refuses leading zeros
	if err != nil || addr.Is6() != six || addr.Zone() != "" {
		return end, false
	}
	n, ok := parsePort(port)
	return netip.AddrPortFrom(addr.Unmap(), n), ok
}

// parsePort reads a number up to 65535, without leading zeros.
func parsePort(s []byte) (port uint16, ok bool) {
	if len(s) == 0 || len(s) > len("65535") || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n := 0
	for _, digit := range s {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + int(digit-'0')
	}
	return uint16(n), n <= 0xffff
}
