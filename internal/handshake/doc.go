// Package handshake is the WebSocket opening handshake (RFC 6455 section 4). It is pure: no
// socket, no clock, no goroutine.
//
// # The server's half
//
// A server collects the bytes of a connection and asks a [Scanner] where the request
// head ends. The Scanner looks at each byte once, however the bytes arrive. [Parse]
// splits the complete head into a [Request], whose fields are views of the head. Then:
//
//   - [Request.IsUpgrade] tells a WebSocket handshake from ordinary HTTP;
//   - [Request.Verify] checks it against RFC 6455 4.2.1;
//   - [CheckOrigin] and [SelectSubprotocol] apply the program's options;
//   - [AppendResponse] writes the 101 answer, [Refusal.AppendResponse] any other.
//
// Each rule has a file of its own. The rules take strings as well as byte slices.
// [ParseHTTP] turns a *http.Request into a [Request], so an upgrade inside net/http
// follows the same rules.
//
// # The client's half
//
// A client draws a key with [NewKey] and describes its request in an [Offer], which writes the
// fields of the request's header. net/http sends the request and reads the answer.
// [Offer.CheckAnswer] holds the answer to RFC 6455 4.1. What it breaks is an [AnswerError].
//
// # Strictness
//
// HTTP is read as RFC 9112 requires, without the leniency that it permits. A head that
// two implementations could read differently is refused. Every head that Parse accepts,
// net/http accepts with the same meaning: the tests check that. Parse is narrower than
// net/http on purpose:
//
//   - lines end in CR LF; a bare LF, a bare CR, any control byte but HTAB, and
//     folded lines are refused (RFC 9112 2.2, 5.2; RFC 9110 5.5);
//   - the request target is visible ASCII without "#", in origin-form,
//     absolute-form (http and https, no user information) or "*" for OPTIONS;
//   - Host is required in HTTP/1.1, stands once, is not empty, and is a name or
//     an IP address with an optional port, nothing percent-encoded;
//   - Content-Length stands at most once, and never beside Transfer-Encoding;
//   - Transfer-Encoding is "chunked" or absent, and never in HTTP/1.0; other
//     codings before a final "chunked" get 501 (RFC 9112 6.1);
//   - the version is HTTP/1.x.
//
// Parse is wider in two places. It ignores a single empty line before the request line,
// as RFC 9112 2.2 asks of servers. It does not judge the Trailer field of a chunked
// request, because this package never reads content.
//
// # Concurrency
//
// Only the exported refusals are shared, and they must not be changed. A Scanner and a
// Request are for one goroutine at a time.
//
// # Memory
//
// Scanning, parsing, verifying and answering an ordinary browser's request allocates
// nothing. Views into the head are valid as long as the head is unchanged. Copy to keep.
//
// # Limits
//
// See [MaxHeadBytes] and [MaxHeaders].
package handshake
