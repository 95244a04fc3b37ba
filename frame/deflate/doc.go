// Package deflate is the permessage-deflate extension of RFC 7692 as pure
// functions and values over bytes: no socket, no clock, no goroutine. It
// negotiates the extension's parameters, for either role, and compresses and
// inflates the payloads of messages by what was agreed.
//
// # Compressing and inflating
//
// A [Compressor] says how; compressing itself is shared by all who do. An [Inflater] takes a
// message while it arrives. What messages may refer to is in a [Window], one for each
// direction, where the context is taken over:
//
//	packed := deflate.Compressor{}.Append(nil, message, nil, true) // the payload, to be sent with RSV1
//
//	var f deflate.Inflater
//	f.Reset(deflate.MaxWindowBits)
//	n, _, done, err := f.Inflate(buf, packed, true, nil) // done: buf[:n] is the message
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
