package handshake

import (
	"net/http"
	"slices"
)

// A Response is what the program adds to the 101 answer. The zero value adds
// nothing.
type Response struct {
	// Subprotocol is the one chosen of those offered. Empty: none.
	Subprotocol string

	// Extensions is what was agreed of the extensions offered, as the value of
	// Sec-WebSocket-Extensions. It is sent as it stands. Empty: none.
	Extensions string

	// Header is sent besides the handshake's own fields. Nil: nothing. Upgrade,
	// Connection, Sec-WebSocket-*, and the fields that frame content, which a
	// 101 never has (RFC 9110 8.6), are not the program's to set.
	Header http.Header
}

// AppendResponse appends the 101 answer to a request that passed
// [Request.Verify], behind a 100 if that is expected, and returns the extended slice.
// RFC 6455 4.2.2.
//
// If resp cannot be sent, the error is a *[CallerError] and dst comes back as
// it was. Nothing is kept. Without a header in resp, and with room in dst (129
// bytes, and what subprotocol and extensions take), it does not allocate.
func AppendResponse(dst []byte, r *Request, resp Response) ([]byte, error) {
	if err := r.checkResponse(resp); err != nil {
		return dst, err
	}

	// RFC 9110 7.8: a client that expects 100 (Continue) gets it first.
	if r.ExpectsContinue() {
		dst = append(dst, "HTTP/1.1 100 Continue\r\n\r\n"...)
	}
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\n"+
		"Upgrade: websocket\r\n"+
		"Connection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "...)
	dst = AppendAccept(dst, r.Key)
	dst = append(dst, "\r\n"...)
	if resp.Subprotocol != "" {
		dst = appendField(dst, "Sec-WebSocket-Protocol", resp.Subprotocol)
	}
	if resp.Extensions != "" {
		dst = appendField(dst, "Sec-WebSocket-Extensions", resp.Extensions)
	}
	dst = appendHeader(dst, resp.Header)
	return append(dst, "\r\n"...), nil
}

// ownedInResponse tells the fields of a 101 that are not the program's to set.
func ownedInResponse(name string) bool {
	const prefix = "Sec-WebSocket-"
	return equalFold(name, "Upgrade") || equalFold(name, "Connection") || ownedAlways(name) ||
		len(name) >= len(prefix) && equalFold(name[:len(prefix)], prefix)
}

// OwnHeader is a copy of a header that was meant for any answer, without the fields
// that are not the program's to set in a 101: net/http's middleware sets some of them.
// Nil if nothing is left.
func OwnHeader(h http.Header) (own http.Header) {
	for name, values := range h {
		if ownedInResponse(name) || len(values) == 0 {
			continue
		}
		if own == nil {
			own = make(http.Header)
		}
		own[name] = slices.Clone(values)
	}
	return own
}
