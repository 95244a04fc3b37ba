package proxyproto

import (
	"bytes"
	"errors"
	"net/netip"
)

const (
	// MaxHeader is the longest header in bytes. The specification wants it to fit into the
	// smallest segment that every host takes, 536 bytes, but version 2 can claim up to
	// 65,551. Addresses take 232 at most. Names, a certificate's subject and identifiers of
	// clouds may follow. nginx takes 4,096 too.
	MaxHeader = 4096

	// maxLine is the longest line of version 1, with its CR LF (2.1).
	maxLine = 107
)

// Header is what a proxy says about a connection.
type Header struct {
	// Version is the protocol's version: 1 or 2.
	Version int
	// Source and Destination are the two ends of the connection between the client and the
	// proxy, without an IPv4-mapped prefix. Both are zero if the header names no TCP
	// connection: for the proxy's own connection (LOCAL), such as a health check, or for a
	// protocol that is unknown, unspecified, not TCP or not IP. Use the socket's own addresses
	// then (2.1, 2.2).
	Source, Destination netip.AddrPort
}

// Rules that a header can break. The connection must be closed then (2.1, 2.2).
var (
	ErrMissing  = errors.New("no PROXY header (proxy-protocol.txt 2)")
	ErrLine     = errors.New("malformed line of the PROXY protocol (proxy-protocol.txt 2.1)")
	ErrLineEnd  = errors.New("line of the PROXY protocol without CR LF in its first 107 bytes (proxy-protocol.txt 2.1)")
	ErrCommand  = errors.New("PROXY header with unknown version or command (proxy-protocol.txt 2.2)")
	ErrFamily   = errors.New("PROXY header with unknown address family or transport (proxy-protocol.txt 2.2)")
	ErrTooLong  = errors.New("PROXY header longer than 4,096 bytes (proxy-protocol.txt 2.2)")
	ErrTooShort = errors.New("PROXY header too short for its addresses (proxy-protocol.txt 2.2)")
	ErrTLV      = errors.New("malformed TLV in a PROXY header (proxy-protocol.txt 2.2)")
	ErrChecksum = errors.New("PROXY header with a wrong checksum (proxy-protocol.txt 2.2.3)")
)

// Decode reads the header at the beginning of b and returns how many bytes it has. While the header is
// not whole n is 0: call Decode again with more bytes. It never needs more than MaxHeader. A header
// that cannot become valid fails at the first byte that shows it, however the bytes are cut. Decode
// keeps nothing of b. It allocates only for addresses in text.
func Decode(b []byte) (h Header, n int, err error) {
	switch {
	case beginsWith(b, signature):
		return decodeBinary(b)
	case beginsWith(b, linePrefix):
		return decodeLine(b)
	}
	return h, 0, ErrMissing
}

// shortest is the length of the shortest header.
const shortest = len(linePrefix + unknown + "\r\n")

// Lacks is how many bytes are missing at least, after Decode has found that the header is not whole. A
// caller that reads no more than that does not read past the header's end.
func Lacks(b []byte) int {
	switch {
	case len(b) < shortest:
		return shortest - len(b)
	case b[0] == linePrefix[0]:
		return 1
	case len(b) < fixedLen:
		return fixedLen - len(b)
	}
	return binaryLen(b) - len(b)
}

// beginsWith reports whether b begins with the prefix, or is a beginning of it.
func beginsWith(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return bytes.Equal(b[:n], []byte(prefix[:n]))
}
