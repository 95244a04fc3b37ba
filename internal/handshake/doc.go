// Package handshake is the WebSocket opening handshake of RFC 6455 section 4,
// server side, as pure functions over bytes: no socket, no clock, no goroutine.
//
// A server collects the bytes of a connection from its first one and asks a
// [Scanner] where the request head ends. The Scanner looks at each byte once,
// however the bytes arrive. [Parse] then splits the complete head, once, into a
// [Request] whose fields are views of the head. From there:
//
//   - [Request.IsUpgrade] tells a WebSocket handshake from ordinary HTTP;
//   - [Request.Verify] holds it to RFC 6455 4.2.1;
//   - [CheckOrigin] and [SelectSubprotocol] decide what the program left to rules;
//   - [AppendResponse] writes the 101 answer, [Refusal.AppendResponse] any other.
//
// Each rule stands in a file of its own. The rules take strings as well as byte
// slices, and [ParseHTTP] turns a *http.Request into a [Request], so that an
// upgrade inside net/http obeys the very same rules.
//
// # Strictness
//
// HTTP is read as RFC 9112 writes it, without the leniency it merely permits: a
// head that two implementations could read differently is refused. Whatever
// Parse accepts, net/http accepts with the same meaning; the tests hold it to
// that. Deliberately narrower than net/http are:
//
//   - lines end in CR LF; a bare LF, a bare CR, any control byte but HTAB, and
//     folded lines are refused (RFC 9112 2.2, 5.2; RFC 9110 5.5);
//   - the request target is visible ASCII without "#", in origin-form,
//     absolute-form (http and https, no user information) or "*" for OPTIONS;
//   - Host is required in HTTP/1.1, stands once, is not empty, and is a name or
//     an IP address with an optional port, nothing percent-encoded;
//   - Content-Length stands at most once, never beside Transfer-Encoding, and
//     Transfer-Encoding is "chunked" or absent and never in HTTP/1.0; other
//     codings before a final "chunked" get 501 (RFC 9112 6.1);
//   - the version is HTTP/1.x.
//
// Wider are two things: a single empty line before the request line is ignored,
// as RFC 9112 2.2 asks of servers, and the Trailer field of a chunked request is
// not judged, since content is never read here.
//
// # Concurrency
//
// Nothing here is shared but the exported refusals, which nobody may change.
// A Scanner or a Request belongs to whoever made it.
//
// # Memory
//
// Scanning, parsing, verifying and answering an ordinary browser's request
// allocates nothing. Views into the head are valid as long as the head is
// unchanged; copy to keep.
//
// # Limits
//
// See [MaxHeadBytes] and [MaxHeaders].
package handshake
