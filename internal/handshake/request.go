package handshake

import (
	"bytes"

	"github.com/framerail/framerail/internal/token"
)

// A Request is a parsed request head. Its slices are views of the head given to
// [Parse]: valid as long as the head is unchanged; copy to keep. The zero value
// is an empty request. It belongs to one goroutine at a time.
type Request struct {
	// Method is case-sensitive, "GET" for a handshake.
	Method []byte

	// Target is the request target as sent.
	Target []byte

	// Path is the target's path as sent: neither percent-decoded nor cleaned of
	// dot segments, "/" if an absolute-form target has none, "*" for OPTIONS *.
	Path []byte

	// RawQuery is what follows the "?", without it.
	RawQuery []byte

	// Host is the authority of an absolute-form target (RFC 9112 3.2.2), else
	// the Host field. Empty only in HTTP/1.0.
	Host []byte

	// Origin is the first Origin field, nil without one.
	Origin []byte

	// Key is the first Sec-WebSocket-Key field, nil without one.
	Key []byte

	// Minor is the x of HTTP/1.x.
	Minor int

	stream bool   // it came over HTTP/2
	fields []byte // the field lines, each with its CR LF
	known  [knownFields]field
}

// field is what is remembered of a field the handshake needs.
type field struct {
	first []byte // value of the first line
	lines int    // how many lines carry the name
}

// knownField numbers the fields that Parse notes on its way, so that no rule
// has to search the head.
type knownField uint8

const (
	hostField knownField = iota
	originField
	upgradeField
	connectionField
	keyField
	versionField
	protocolField
	extensionsField
	expectField
	contentLengthField
	transferEncodingField
	knownFields

	notKnown = knownFields
)

var knownNames = [knownFields]string{
	hostField:             "host",
	originField:           "origin",
	upgradeField:          "upgrade",
	connectionField:       "connection",
	keyField:              "sec-websocket-key",
	versionField:          "sec-websocket-version",
	protocolField:         "sec-websocket-protocol",
	extensionsField:       "sec-websocket-extensions",
	expectField:           "expect",
	contentLengthField:    "content-length",
	transferEncodingField: "transfer-encoding",
}

// known gives the number of a field name.
func known[T text](name T) knownField {
	for f := range knownFields {
		if equalFold(name, knownNames[f]) {
			return f
		}
	}
	return notKnown
}

// Headers yields each field line in order, the name as sent and the value
// without the white space around it: use it as for name, value := range
// r.Headers. Both are views of the head: valid as long as the head is
// unchanged; copy to keep. It does not allocate.
func (r *Request) Headers(yield func(name, value []byte) bool) {
	for rest := r.fields; len(rest) > 0; {
		colon := bytes.IndexByte(rest, ':')
		end := bytes.IndexByte(rest, '\r')
		if !yield(rest[:colon:colon], token.Trim(rest[colon+1:end])) {
			return
		}
		rest = rest[end+len("\r\n"):]
	}
}

// lines yields the value of each line of a known field, in order.
func (r *Request) lines(f knownField, yield func(value []byte) bool) {
	switch r.known[f].lines {
	case 0:
	case 1:
		yield(r.known[f].first)
	default:
		for name, value := range r.Headers {
			if known(name) == f && !yield(value) {
				return
			}
		}
	}
}

// hasToken reports whether any line of a field lists the token.
func (r *Request) hasToken(f knownField, token string) (found bool) {
	r.lines(f, func(list []byte) bool {
		found = HasToken(list, token)
		return !found
	})
	return found
}

// HasBody reports whether content follows the head: a Content-Length other than
// 0, or a Transfer-Encoding. RFC 9112 6.
func (r *Request) HasBody() bool {
	if r.known[transferEncodingField].lines > 0 {
		return true
	}
	for _, digit := range r.known[contentLengthField].first {
		if digit != '0' {
			return true
		}
	}
	return false
}

// IsUpgrade reports whether the request asks for WebSocket: an Upgrade field
// that lists the token websocket, in any case, at any place, on any line. In
// HTTP/1.0 the field is ignored, as RFC 9110 7.8 demands. Whether the handshake
// is a valid one is for [Request.Verify].
func (r *Request) IsUpgrade() bool {
	return r.Minor >= 1 && r.hasToken(upgradeField, "websocket")
}
