package handshake

import "github.com/framerail/framerail/internal/token"

// CheckSubprotocols holds one line of Sec-WebSocket-Protocol to its grammar, a
// list of tokens: RFC 6455 4.1 and 4.3. Empty elements are ignored, as RFC 9110
// 5.6.1.2 asks, and so is a list that has nothing else, which the grammar does not
// allow clients to send: several do when they have nothing to offer. That the client
// may name none twice is not checked: it changes nothing and would cost more than
// linear time. The error is [ErrSubprotocols].
func CheckSubprotocols[T text](line T) error {
	for len(line) > 0 {
		var element T
		element, line = cutElement(line)
		if len(element) > 0 && !all(element, &token.Is) {
			return ErrSubprotocols
		}
	}
	return nil
}

// ValidSubprotocol reports whether a client can offer a subprotocol of that name: it is a
// token (RFC 6455 4.1).
func ValidSubprotocol(name string) bool { return all(name, &token.Is) }

// OffersSubprotocol reports whether one line of Sec-WebSocket-Protocol lists
// the name. Subprotocols are compared with regard to case: RFC 6455 4.2.2.
func OffersSubprotocol[T text](line T, name string) bool {
	for len(line) > 0 {
		var element T
		element, line = cutElement(line)
		if len(element) > 0 && string(element) == name {
			return true
		}
	}
	return false
}

// SelectSubprotocol gives the first of the supported names, in the server's
// order of preference, that any of the lines of Sec-WebSocket-Protocol offers,
// or "" if none does: then the answer names none and the client decides.
// RFC 6455 4.2.2. The lines are a *http.Request's; a [Request] has a method.
func SelectSubprotocol(lines, supported []string) string {
	for _, name := range supported {
		for _, line := range lines {
			if OffersSubprotocol(line, name) {
				return name
			}
		}
	}
	return ""
}

// Subprotocols yields the offered names in the client's order, over all lines:
// use it as for name := range r.Subprotocols. The names are views of the head:
// valid as long as the head is unchanged; copy to keep. It does not allocate.
func (r *Request) Subprotocols(yield func(name []byte) bool) {
	r.lines(protocolField, func(line []byte) bool {
		for len(line) > 0 {
			var element []byte
			element, line = cutElement(line)
			if len(element) > 0 && !yield(element) {
				return false
			}
		}
		return true
	})
}

// OffersSubprotocol reports whether the client offered the name.
func (r *Request) OffersSubprotocol(name string) (offered bool) {
	r.lines(protocolField, func(line []byte) bool {
		offered = OffersSubprotocol(line, name)
		return !offered
	})
	return offered
}

// SelectSubprotocol gives the first of the supported names, in the server's
// order of preference, that the client offered, or "". It does not allocate.
func (r *Request) SelectSubprotocol(supported []string) string {
	for _, name := range supported {
		if r.OffersSubprotocol(name) {
			return name
		}
	}
	return ""
}
