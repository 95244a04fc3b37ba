package proxyproto

import (
	"bytes"
	"errors"
	"net/netip"
)

const (
	// MaxHeader is the longest header in bytes. The specification means one to fit in the
	// smallest segment that every host takes, which is 536 bytes, but lets the length of
	// version 2 say up to 65,551. Addresses take 232 at most; what follows are names, a
	// certificate's subject, numbers of clouds. 4,096 is what nginx takes, too.
	MaxHeader = 4096

	// maxLine is the longest line of version 1, with its CR LF (2.1).
	maxLine = 107
)

// Header is what a proxy says of a connection.
type Header struct {
	// Version is that of the protocol: 1 or 2.
	Version int
	// Source and Destination are the two ends of the connection between the client and the
	// proxy, without an IPv4-mapped prefix. Both are zero if the header names none over
	// TCP: a connection of the proxy's own (LOCAL), such as a health check, or a protocol
	// that is unknown, unspecified, not TCP or not IP. The socket's own addresses are to
	// be used then (2.1, 2.2).
	Source, Destination netip.AddrPort
}

// Rules that a header breaks. Whoever sends such a thing is to be cut off (2.1, 2.2).
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

// Decode reads the header at the beginning of b and returns how many bytes it has. While it
// is not whole n is 0, and Decode is to be called with more; it never wants more than
// MaxHeader. A header that cannot become a good one fails at the first byte that shows so.
// The verdict does not depend on the pieces. It keeps nothing of b and allocates nothing
// but for addresses in text.
func Decode(b []byte) (h Header, n int, err error) {
	switch {
	case beginsWith(b, signature):
		return decodeBinary(b)
	case beginsWith(b, linePrefix):
		return decodeLine(b)
	}
	return h, 0, ErrMissing
}

// shortest is how long every header is at least.
const shortest = len(linePrefix + unknown + "\r\n")

// Lacks is how many bytes the header at the beginning of b lacks at least, of which Decode
// has found that it is not whole: who reads no more than that does not read past its end.
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

// beginsWith tells whether b begins with a prefix, or with as much of it as has come.
func beginsWith(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return bytes.Equal(b[:n], []byte(prefix[:n]))
}
