// Package deflate implements the permessage-deflate extension of RFC 7692. It negotiates
// the extension's parameters, for servers and clients, and compresses and inflates the
// payloads of messages. It is pure: no socket, no clock, no goroutine.
//
// # Compressing and inflating
//
// A [Compressor] is a level and a window. All calls share the memory that compressing takes.
// An [Inflater] takes a message while it arrives:
//
//	packed := deflate.Compressor{}.Append(nil, message, nil, true) // the payload, to be sent with RSV1
//
//	var f deflate.Inflater
//	f.Reset(deflate.MaxWindowBits)
//	n, _, done, err := f.Inflate(buf, packed, true, nil) // done: buf[:n] is the message
//
// With context takeover messages refer to earlier ones. Each direction then has a [Window]
// that keeps them.
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
