package deflate

import (
	"iter"

	"github.com/framerail/framerail/internal/token"
)

// Negotiate is the server's side of the negotiation. lines are the values of the request's
// Sec-WebSocket-Extensions fields in order. The result is the agreement on the first acceptable
// offer: answer with agreed.String(). ok is false if there is no such offer: then the answer names
// no extension, and frames are not compressed. RFC 6455 9.1, RFC 7692 5.1 and 7.1.
//
// An offer is declined if it has a parameter that is unknown, repeated, or has an invalid value. If
// a line breaks the grammar, its rest is ignored.
//
// wish is what the server asks for. A takeover that wish turns off is off, whatever the offer says.
// The windows of wish are upper bounds: an offer may ask for smaller ones. Zero means 15.
//
// The window of a client that did not offer client_max_window_bits cannot be bounded (7.1.2.2). If
// wish bounds it, that client is asked for no context takeover. So in neither direction more than
// the window of wish outlasts a message.
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

// accept is the agreement of a server with that wish on an offer.
func (offer *parameters) accept(wish Params) (agreed Params) {
	// RFC 7692 7.1.1: a server that accepts server_no_context_takeover repeats it, and may name
	// either parameter without being asked. A client's promise not to take its context over
	// binds the client.
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
