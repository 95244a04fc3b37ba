// Package deflate is the permessage-deflate extension of RFC 7692 as pure
// functions and values over bytes: no socket, no clock, no goroutine. It
// negotiates the extension's parameters, for either role, and compresses and
// inflates the payloads of messages by what was agreed.
//
// # Negotiating
//
// [Params] is what two endpoints have agreed on. A server passes the offers of a
// request to [Negotiate] and sends the agreed Params back as a string. A client
// makes its offers with [AppendOffers] and holds the answer against them with
// [CheckAnswer]. With net/http's header, the server's side is
//
//	agreed, ok := deflate.Negotiate(slices.Values(r.Header.Values("Sec-WebSocket-Extensions")), deflate.Params{})
//	if ok {
//		w.Header().Set("Sec-WebSocket-Extensions", agreed.String())
//	}
package deflate
