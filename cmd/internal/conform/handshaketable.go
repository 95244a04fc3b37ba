package conform

import (
	"strings"
)

// Requests that no server is to understand in two ways get these reasons.
const (
	one       = "RFC 6455 4.2.1 wants one"
	ambiguous = "RFC 9112 has servers refuse it: whoever reads it otherwise sees other requests"
)

// askedCases are the handshakes.
var askedCases = []asked{
	// What has to be accepted.
	{title: "The RFC's own example", demand: accepted},
	{title: "Header names in lower case", raw: lowerNames, demand: accepted},
	{title: "Upgrade: WebSocket", lines: instead("Upgrade", "WebSocket"), demand: accepted, why: "tokens have no case"},
	{title: "Connection: upgrade", lines: instead("Connection", "upgrade"), demand: accepted},
	{title: "Connection: keep-alive, Upgrade", lines: instead("Connection", "keep-alive, Upgrade"), demand: accepted, why: "Firefox sends it"},
	{title: "Connection in two lines", lines: both(instead("Connection", "keep-alive"), with("Connection: Upgrade")), demand: accepted},
	{title: "Tabs and spaces around values", raw: replacing(": ", ": \t "), demand: accepted},
	{title: "No space behind colons", raw: replacing(": ", ":"), demand: accepted},
	{title: "An empty header value", lines: with("X-Empty: "), demand: accepted},
	{title: "A value beyond ASCII", lines: with("X-Name: caf\xc3\xa9"), demand: accepted, why: "RFC 9110 5.5: obs-text"},
	{title: "A query in the path", start: "GET {path}?a=b&c=%20 HTTP/1.1", demand: accepted},
	{title: "An absolute URL", start: "GET http://{host}{path} HTTP/1.1", demand: accepted, why: "RFC 9112 3.2.2"},
	{title: "Twenty more header lines", lines: with(strings.Split(strings.Repeat("X-More: 1\n", 19)+"X-More: 1", "\n")...), demand: accepted},
	{title: "A message in the same piece", behind: []Frame{text(hello)}, demand: early, why: "RFC 6455 4.1 has clients wait"},
	{title: "An extension nobody knows", lines: with("Sec-WebSocket-Extensions: x-nobody-knows; a=1"), demand: accepted, why: "it is not agreed to"},
	{title: "Extensions named like an object's members", lines: with("Sec-WebSocket-Extensions: constructor, toString, __proto__"), demand: accepted},
	{title: "A subprotocol nobody knows", lines: with("Sec-WebSocket-Protocol: x-nobody-knows"), demand: accepted,
		offer: opening{protocols: []string{"x-nobody-knows"}}},

	// RFC 6455 4.2.1: what a handshake has to have.
	{title: "POST", start: "POST {path} HTTP/1.1", lines: with("Content-Length: 0"), demand: refused},
	{title: "HTTP/1.0", start: "GET {path} HTTP/1.0", demand: refused},
	{title: "HTTP/2.0 in text", start: "GET {path} HTTP/2.0", demand: refused},
	{title: "No Upgrade", lines: without("Upgrade"), demand: notOpened},
	{title: "Upgrade: h2c", lines: instead("Upgrade", "h2c"), demand: notOpened},
	{title: "Upgrade: websockets", lines: instead("Upgrade", "websockets"), demand: notOpened, why: "not a part of a word"},
	{title: "No Connection", lines: without("Connection"), demand: notOpened},
	{title: "Connection: keep-alive", lines: instead("Connection", "keep-alive"), demand: notOpened},
	{title: "Connection: no-Upgrade", lines: instead("Connection", "no-Upgrade"), demand: notOpened, why: "not a part of a word"},
	{title: "No key", lines: without("Sec-WebSocket-Key"), demand: refused},
	{title: "An empty key", lines: instead("Sec-WebSocket-Key", ""), demand: refused},
	{title: "A key of 15 bytes", lines: instead("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j"), demand: refused, why: "it is 16 bytes in base64"},
	{title: "A key of 17 bytes", lines: instead("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZXM="), demand: refused, why: "it is 16 bytes in base64"},
	{title: "A key that is not base64", lines: instead("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!=="), demand: refused},
	{title: "Two keys", lines: with("Sec-WebSocket-Key: " + sampleKey), demand: refused, why: "RFC 6455 11.3.1"},
	{title: "No version", lines: without("Sec-WebSocket-Version"), demand: refused},
	{title: "Version 8", lines: instead("Sec-WebSocket-Version", "8"), demand: oldVersion, why: "RFC 6455 4.4"},
	{title: "Version 14", lines: instead("Sec-WebSocket-Version", "14"), demand: oldVersion, why: "RFC 6455 4.4"},
	{title: "Version 013", lines: instead("Sec-WebSocket-Version", "013"), demand: refused, why: "RFC 6455 4.3: no leading zero"},
	{title: "Two versions", lines: with("Sec-WebSocket-Version: 8"), demand: refused, why: one},

	// RFC 9112: requests that two readers could read differently.
	{title: "No Host", lines: without("Host"), demand: refused, why: "RFC 9112 3.2"},
	{title: "Two Hosts", lines: with("Host: other.example"), demand: refused, why: "RFC 9112 3.2"},
	{title: "Two hosts in one Host", lines: instead("Host", "a.example, b.example"), demand: refused, why: "RFC 9112 3.2"},
	{title: "Content-Length and Transfer-Encoding", lines: with("Content-Length: 5", "Transfer-Encoding: chunked"), raw: behind("0\r\n\r\n"), demand: better, why: "RFC 9112 6.1 allows to read it"},
	{title: "Two different Content-Lengths", lines: with("Content-Length: 0", "Content-Length: 5"), demand: refused, why: ambiguous},
	{title: "A Content-Length that is no number", lines: with("Content-Length: 0x0"), demand: refused, why: ambiguous},
	{title: "A negative Content-Length", lines: with("Content-Length: -1"), demand: refused, why: ambiguous},
	{title: "A Transfer-Encoding nobody knows", lines: with("Transfer-Encoding: xchunked"), demand: refused, why: ambiguous},
	{title: "A body", lines: with("Content-Length: 5"), raw: behind("hello"), demand: undecided, why: "what is in it is not taken for frames"},
	{title: "A chunked body", lines: with("Transfer-Encoding: chunked"), raw: behind("5\r\nhello\r\n0\r\n\r\n"), demand: undecided, why: "what is in it is not taken for frames"},
	{title: "A header line folded into two", lines: with("X-Folded: a\r\n b"), demand: undecided, why: "RFC 9112 5.2 allows to unfold it"},
	{title: "A space before a colon", raw: replacing("Upgrade: websocket", "Upgrade : websocket"), demand: refused, why: "RFC 9112 5.1"},
	{title: "A header line without a colon", raw: replacing("\r\n\r\n", "\r\nno colon\r\n\r\n"), demand: refused},
	{title: "A header line without a name", raw: replacing("\r\n\r\n", "\r\n: value\r\n\r\n"), demand: refused},
	{title: "A space before the first header line", raw: replacing("\r\nHost", "\r\n Host"), demand: refused, why: "RFC 9112 2.2"},
	{title: "A control character in a name", lines: with("X\x01Y: 1"), demand: refused},
	{title: "NUL in a value", lines: with("X-Nul: a\x00b"), demand: refused, why: "RFC 9110 5.5"},
	{title: "CR in a value", lines: with("X-Cr: a\rb"), demand: refused, why: "RFC 9112 2.2"},
	{title: "Lines that end with LF alone", raw: replacing("\r\n", "\n"), demand: undecided, why: "RFC 9112 2.2 allows to read them"},
	{title: "Two spaces in the request line", start: "GET  {path} HTTP/1.1", demand: undecided, why: "RFC 9112 3 allows to read them"},
	{title: "A space in the path", start: "GET {path}a b HTTP/1.1", demand: refused, why: "RFC 9112 3.2"},
	{title: "No path", start: "GET HTTP/1.1", demand: refused},
	{title: "No HTTP version", start: "GET {path}", demand: refused},

	// What attacks look like.
	{title: "A header line of 4 MiB", lines: withLong("X-Long", 4<<20), demand: refused, why: "heads are bounded"},
	{title: "10,000 header lines", lines: with(strings.Split(strings.Repeat("A: 1\n", 9999)+"A: 1", "\n")...), demand: better, why: "heads are bounded"},
	{title: "An extension header of commas and quotes", lines: with("Sec-WebSocket-Extensions: a" + strings.Repeat(`;b="\`, 1000)), demand: undecided,
		why: "it is answered at once, whatever is in it"},
	{title: "A subprotocol header of spaces", lines: with("Sec-WebSocket-Protocol: a" + strings.Repeat(" ", 5000) + "b"), demand: undecided,
		why: "it is answered at once, whatever is in it", offer: opening{protocols: []string{"a", "b"}}},
}

// both does one thing after the other.
func both(a, b func([]line) []line) func([]line) []line {
	return func(lines []line) []line { return b(a(lines)) }
}

// replacing replaces bytes of the request wherever they are.
func replacing(from, to string) func(string) string {
	return func(request string) string { return strings.ReplaceAll(request, from, to) }
}

// behind puts bytes behind the head.
func behind(body string) func(string) string {
	return func(request string) string { return request + body }
}

// lowerNames puts the header's names into lower case.
func lowerNames(request string) string {
	lines := strings.Split(request, "\r\n")
	for i, l := range lines[1:] {
		if name, value, found := strings.Cut(l, ":"); found {
			lines[i+1] = strings.ToLower(name) + ":" + value
		}
	}
	return strings.Join(lines, "\r\n")
}
