package deflate

import (
	"iter"

	"github.com/framerail/framerail/internal/token"
)

// Negotiate is the server's part of the negotiation: it goes through the offers in lines,
// the values of the request's Sec-WebSocket-Extensions fields in order, and gives what
// to agree to, and to answer as agreed.String(), for the first offer of the extension
// that can be accepted. ok is false if there is none: then the answer names no extension,
// and frames are not compressed. RFC 6455 9.1, RFC 7692 5.1 and 7.1.
//
// An offer is declined, and the next one looked at, if it has a parameter that is
// unknown, repeated or has a value that it may not have. Where a line breaks the
// grammar, what is left of it is not looked at.
//
// wish says what the server asks for. A takeover that it turns off is off, whatever was
// offered. Its windows are upper bounds: an offer may ask for smaller ones, and zero
// means 15. The window of a client that did not offer client_max_window_bits cannot be
// bounded (7.1.2.2); if wish bounds it, that client is asked for no context takeover
// instead, so that neither way more than the window of wish outlasts a message.
//
// Negotiate keeps nothing and does not allocate.
func Negotiate[T ~string | ~[]byte](lines iter.Seq[T], wish Params) (agreed Params, ok bool) {
	for line := range lines {
		for {
			name, params, rest, sound := token.CutExtension(line)
			if !sound || len(name) == 0 {
				break
			}
			if is(name, extensionName) {
				if offer, ok := readParameters(params); ok {
					return offer.accept(wish), true
				}
			}
			line = rest
		}
	}
	return Params{}, false
}

// accept is what a server that wishes for wish agrees to when it gets the offer.
func (offer *parameters) accept(wish Params) (agreed Params) {
	// RFC 7692 7.1.1: a server that accepts server_no_context_takeover repeats it, and
	// may name either parameter without being asked. A client that says of itself that
	// it will not take its context over is held to that.
	agreed.ServerNoContextTakeover = offer.ServerNoContextTakeover || wish.ServerNoContextTakeover
	agreed.ClientNoContextTakeover = offer.ClientNoContextTakeover || wish.ClientNoContextTakeover

	// RFC 7692 7.1.2.1: a server that accepts server_max_window_bits repeats it with the
	// same value or a smaller one, and may name it without being asked.
	agreed.ServerMaxWindowBits = smaller(offer.ServerMaxWindowBits, wish.ServerMaxWindowBits)

	// RFC 7692 7.1.2.2: client_max_window_bits is not answered unless it was offered.
	switch {
	case offer.clientWindow:
		agreed.ClientMaxWindowBits = smaller(offer.ClientMaxWindowBits, wish.ClientMaxWindowBits)
	case wish.ClientMaxWindowBits != 0 && wish.ClientMaxWindowBits != MaxWindowBits:
		agreed.ClientNoContextTakeover = true
	}
	return agreed
}

// smaller is the smaller of two windows in bits; 0 is one that is not named.
func smaller(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
