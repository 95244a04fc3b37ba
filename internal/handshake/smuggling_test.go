package handshake

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// input is bytes off the wire and the verdict they must get: nil, or the
// refusal. behind is what stands after the head.
type input struct {
	name   string
	bytes  string
	want   *Refusal
	behind string
}

// hostile are requests that one reader in a chain could take for another than
// the next one does, or that cost more than they should.
func hostile() []input {
	line := func(s string) string { return minimal(s) }
	without := func(field string, instead ...string) string {
		var kept []string
		for l := range strings.SplitSeq(strings.TrimSuffix(minimal(), "\r\n\r\n"), "\r\n") {
			if !strings.HasPrefix(l, field+":") {
				kept = append(kept, l)
			}
		}
		return request(append(kept, instead...)...)
	}
	start := func(requestLine string) string {
		_, rest, _ := strings.Cut(minimal(), "\r\n")
		return requestLine + "\r\n" + rest
	}
	headers := func(n int) string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = fmt.Sprintf("X-%d: x", i)
		}
		return minimal(lines...)
	}
	const own = 5 // field lines of minimal()
	fill := MaxHeadBytes - len(minimal("X: "))

	return []input{
		{name: "plain", bytes: minimal()},

		// Lines and bytes: RFC 9112 2.2, 5.1, 5.2; RFC 9110 5.5.
		{name: "bare LF after the request line", bytes: strings.Replace(minimal(), "\r\n", "\n", 1), want: ErrBareLF},
		{name: "bare LF after a field", bytes: strings.Replace(minimal(), "13\r\n", "13\n", 1), want: ErrBareLF},
		{name: "bare LF as the last line", bytes: strings.TrimSuffix(minimal(), "\r\n") + "\n", want: ErrBareLF},
		{name: "bare LF throughout", bytes: strings.ReplaceAll(minimal(), "\r\n", "\n"), want: ErrBareLF},
		{name: "bare LF first", bytes: "\n" + minimal(), want: ErrBareLF},
		{name: "bare CR in a value", bytes: line("X: a\rb"), want: ErrBareCR},
		{name: "bare CR hides a field", bytes: line("X: a\rContent-Length: 5"), want: ErrBareCR},
		{name: "bare CR in the request line", bytes: start("GET /\r HTTP/1.1"), want: ErrBareCR},
		{name: "CR CR LF", bytes: line("X: a\r"), want: ErrBareCR},
		{name: "bare CR first", bytes: "\r" + minimal(), want: ErrBareCR},
		{name: "bare CR for the closing line", bytes: strings.TrimSuffix(minimal(), "\n") + "X", want: ErrBareCR},
		{name: "NUL in a value", bytes: line("X: a\x00b"), want: ErrControlByte},
		{name: "NUL in a name", bytes: line("X\x00Y: a"), want: ErrControlByte},
		{name: "NUL first", bytes: "\x00" + minimal(), want: ErrControlByte},
		{name: "NUL in the target", bytes: start("GET /\x00 HTTP/1.1"), want: ErrControlByte},
		{name: "NUL begins a field", bytes: line("\x00X: a"), want: ErrControlByte},
		{name: "DEL in a value", bytes: line("X: \x7f"), want: ErrControlByte},
		{name: "escape byte in a value", bytes: line("X: \x1b[31m"), want: ErrControlByte},
		{name: "TLS on a plain port", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", want: ErrControlByte},
		{name: "obs-fold with SP", bytes: line("X: a\r\n b"), want: ErrObsFold},
		{name: "obs-fold with HTAB", bytes: line("X: a\r\n\tb"), want: ErrObsFold},
		{name: "obs-fold hides a field", bytes: line("X: a\r\n Content-Length: 5"), want: ErrObsFold},
		{name: "white space before the first field", bytes: start("GET / HTTP/1.1\r\n X: a"), want: ErrObsFold},
		{name: "SP before colon", bytes: line("Content-Length : 5"), want: ErrSpaceBeforeColon},
		{name: "HTAB before colon", bytes: line("Content-Length\t: 5"), want: ErrSpaceBeforeColon},
		{name: "SP within a name", bytes: line("Content Length: 5"), want: ErrFieldName},
		{name: "no colon", bytes: line("Content-Length"), want: ErrFieldName},
		{name: "empty name", bytes: line(": a"), want: ErrFieldName},
		{name: "non-ASCII name", bytes: line("X\u00e4: a"), want: ErrFieldName},
		{name: "non-ASCII begins a name", bytes: line("\u00e4: a"), want: ErrFieldName},
		{name: "non-ASCII value", bytes: line("X: \u00e4")},
		{name: "HTAB in a value", bytes: line("X: a\tb")},
		{name: "empty value", bytes: line("X:")},

		// The request line: RFC 9112 2.2, 3.
		{name: "one empty line first", bytes: "\r\n" + minimal()},
		{name: "two empty lines first", bytes: "\r\n\r\n" + minimal(), want: ErrRequestLine},
		{name: "SP first", bytes: " " + minimal(), want: ErrRequestLine},
		{name: "SP after an empty line", bytes: "\r\n " + minimal(), want: ErrRequestLine},
		{name: "HTAB first", bytes: "\t" + minimal(), want: ErrControlByte},
		{name: "two SP after the method", bytes: start("GET  / HTTP/1.1"), want: ErrRequestLine},
		{name: "two SP before the version", bytes: start("GET /  HTTP/1.1"), want: ErrRequestLine},
		{name: "SP at the end", bytes: start("GET / HTTP/1.1 "), want: ErrRequestLine},
		{name: "HTAB between parts", bytes: start("GET\t/\tHTTP/1.1"), want: ErrRequestLine},
		{name: "SP within the target", bytes: start("GET /a b HTTP/1.1"), want: ErrRequestLine},
		{name: "HTTP/0.9", bytes: start("GET /"), want: ErrRequestLine},
		{name: "method only", bytes: start("GET"), want: ErrRequestLine},
		{name: "empty target", bytes: start("GET  HTTP/1.1"), want: ErrTarget},
		{name: "method not a token", bytes: start("G(T / HTTP/1.1"), want: ErrRequestLine},
		{name: "non-ASCII method", bytes: start("G\u00cbT / HTTP/1.1"), want: ErrRequestLine},
		{name: "non-ASCII target", bytes: start("GET /caf\u00e9 HTTP/1.1"), want: ErrTarget},
		{name: "HTAB in the target", bytes: start("GET /\ta HTTP/1.1"), want: ErrTarget},
		{name: "fragment in the target", bytes: start("GET /a#b HTTP/1.1"), want: ErrTarget},
		{name: "percent without digits", bytes: start("GET /100% HTTP/1.1"), want: ErrTarget},
		{name: "percent without digits in the query", bytes: start("GET /?100% HTTP/1.1")},
		{name: "bytes browsers leave bare", bytes: start(`GET /a|b[c]?d={e}|f^g\h HTTP/1.1`)},
		{name: "relative target", bytes: start("GET chat HTTP/1.1"), want: ErrTarget},
		{name: "authority-form", bytes: start("CONNECT example.com:443 HTTP/1.1"), want: ErrTarget},
		{name: "absolute-form", bytes: start("GET http://example.com/chat?x HTTP/1.1")},
		{name: "absolute-form without a path", bytes: start("GET HTTPS://example.com HTTP/1.1")},
		{name: "absolute-form without a host", bytes: start("GET http:///chat HTTP/1.1"), want: ErrTarget},
		{name: "absolute-form with user information", bytes: start("GET http://a@example.com/ HTTP/1.1"), want: ErrTarget},
		{name: "absolute-form of another scheme", bytes: start("GET ftp://example.com/ HTTP/1.1"), want: ErrTarget},
		{name: "absolute-form without Host", bytes: strings.Replace(without("Host"), "/chat", "http://example.com/chat", 1), want: ErrHostMissing},
		{name: "OPTIONS *", bytes: start("OPTIONS * HTTP/1.1"), want: ErrMethod},
		{name: "GET *", bytes: start("GET * HTTP/1.1"), want: ErrTarget},
		{name: "long method", bytes: start(strings.Repeat("A", 4000) + " / HTTP/1.1"), want: ErrMethod},
		{name: "huge method", bytes: strings.Repeat("A", MaxHeadBytes), want: ErrHeadTooLong},
		{name: "lower-case version", bytes: start("GET / http/1.1"), want: ErrHTTPVersion},
		{name: "long version", bytes: start("GET / HTTP/1.10"), want: ErrHTTPVersion},
		{name: "version without minor", bytes: start("GET / HTTP/1."), want: ErrHTTPVersion},
		{name: "letters in the version", bytes: start("GET / HTTP/1.x"), want: ErrHTTPVersion},
		{name: "HTTP/2 preface", bytes: "PRI * HTTP/2.0\r\n\r\n", behind: "SM\r\n\r\n", want: ErrHTTPMajor},
		{name: "HTTP/1.2", bytes: start("GET / HTTP/1.2")},
		{name: "HTTP/1.0", bytes: start("GET / HTTP/1.0"), want: ErrHTTP10},

		// Host: RFC 9112 3.2.
		{name: "no Host", bytes: without("Host"), want: ErrHostMissing},
		{name: "Host twice", bytes: line("Host: example.com"), want: ErrHostRepeated},
		{name: "Host twice, two of them, other case", bytes: line("hOST: evil.example"), want: ErrHostRepeated},
		{name: "empty Host", bytes: without("Host", "Host:"), want: ErrHost},
		{name: "two hosts in one Host", bytes: without("Host", "Host: a.example, b.example"), want: ErrHost},
		{name: "Host with a path", bytes: without("Host", "Host: example.com/x"), want: ErrHost},
		{name: "Host with user information", bytes: without("Host", "Host: a@example.com"), want: ErrHost},
		{name: "non-ASCII Host", bytes: without("Host", "Host: ex\u00e4mple.com"), want: ErrHost},

		// Framing: RFC 9112 6.
		{name: "Content-Length", bytes: line("Content-Length: 5"), behind: "hello", want: ErrBody},
		{name: "Content-Length 0", bytes: line("Content-Length: 0")},
		{name: "Content-Length twice, equal", bytes: minimal("Content-Length: 0", "Content-Length: 0"), want: ErrContentLength},
		{name: "Content-Length twice, different", bytes: minimal("Content-Length: 0", "Content-Length: 5"), want: ErrContentLength},
		{name: "Content-Length list", bytes: line("Content-Length: 0, 0"), want: ErrContentLength},
		{name: "Content-Length with a sign", bytes: line("Content-Length: +0"), want: ErrContentLength},
		{name: "Content-Length negative", bytes: line("Content-Length: -1"), want: ErrContentLength},
		{name: "Content-Length empty", bytes: line("Content-Length:"), want: ErrContentLength},
		{name: "Content-Length overflow", bytes: line("Content-Length: 18446744073709551616"), want: ErrContentLength},
		{name: "Transfer-Encoding", bytes: line("Transfer-Encoding: chunked"), behind: "0\r\n\r\n", want: ErrBody},
		{name: "Transfer-Encoding of another kind", bytes: line("Transfer-Encoding: gzip, chunked"), want: ErrTransferCoding},
		{name: "Transfer-Encoding of two kinds", bytes: line("Transfer-Encoding: gzip,deflate ,\tChunked"), want: ErrTransferCoding},
		{name: "Transfer-Encoding of another kind, not chunked", bytes: line("Transfer-Encoding: gzip"), want: ErrTransferEncoding},
		{name: "Transfer-Encoding not chunked at last", bytes: line("Transfer-Encoding: chunked, gzip"), want: ErrTransferEncoding},
		{name: "Transfer-Encoding chunked in between", bytes: line("Transfer-Encoding: gzip, chunked, chunked"), want: ErrTransferEncoding},
		{name: "Transfer-Encoding with an empty element", bytes: line("Transfer-Encoding: , chunked"), want: ErrTransferEncoding},
		{name: "Transfer-Encoding with an empty end", bytes: line("Transfer-Encoding: gzip, chunked,"), want: ErrTransferCoding},
		{name: "Transfer-Encoding of another kind in HTTP/1.0", bytes: request("GET / HTTP/1.0", "Transfer-Encoding: gzip, chunked"), want: ErrTransferEncoding},
		{name: "Transfer-Encoding disguised", bytes: line("Transfer-Encoding: xchunked"), want: ErrTransferEncoding},
		{name: "Transfer-Encoding empty", bytes: line("Transfer-Encoding:"), want: ErrTransferEncoding},
		{name: "Transfer-Encoding twice", bytes: minimal("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), want: ErrTransferEncoding},
		{name: "Transfer-Encoding in HTTP/1.0", bytes: request("GET / HTTP/1.0", "Transfer-Encoding: chunked"), want: ErrTransferEncoding},
		{name: "Content-Length and Transfer-Encoding", bytes: minimal("Content-Length: 0", "Transfer-Encoding: chunked"), want: ErrLengthAndCoding},

		// The handshake's own fields: RFC 6455 4.2.1, 11.3.
		{name: "Key twice", bytes: line("Sec-WebSocket-Key: " + sampleKey), want: ErrKeyRepeated},
		{name: "no Key", bytes: without("Sec-WebSocket-Key"), want: ErrKeyMissing},
		{name: "Version twice", bytes: line("Sec-WebSocket-Version: 13"), want: ErrVersionRepeated},
		{name: "Origin twice", bytes: minimal("Origin: http://a.example", "Origin: http://b.example"), want: ErrOriginRepeated},

		// What stands behind the head: RFC 9112 2.1 ends it, the rest is kept.
		{name: "two requests", bytes: minimal(), behind: minimal()},
		{name: "two requests, the first refused", bytes: request("GET / HTTP/1.1"), behind: minimal(), want: ErrHostMissing},
		{name: "frame behind the request", bytes: minimal(), behind: "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
		{name: "line feeds behind the request", bytes: minimal(), behind: "\n\n\x00\r"},

		// Size: RFC 6585 5.
		{name: "head of 8 KiB", bytes: line("X: " + strings.Repeat("x", fill))},
		{name: "head of 8 KiB + 1", bytes: line("X: " + strings.Repeat("x", fill+1)), want: ErrHeadTooLong},
		{name: "line of 8 KiB + 1", bytes: start("GET /" + strings.Repeat("x", MaxHeadBytes+1) + " HTTP/1.1"), want: ErrHeadTooLong},
		{name: "100 headers", bytes: headers(MaxHeaders - own)},
		{name: "101 headers", bytes: headers(MaxHeaders - own + 1), want: ErrTooManyHeaders},
		{name: "1 MiB without a line end", bytes: strings.Repeat("x", 1<<20), want: ErrHeadTooLong},
	}
}

func TestSmuggling(t *testing.T) {
	for _, in := range hostile() {
		t.Run(in.name, func(t *testing.T) {
			all := in.bytes + in.behind
			var r Request
			end, err := judge(t, all, &r)
			check(t, in, end, err)
			if end > 0 && all[end:] != in.behind {
				t.Errorf("left behind the head: %q, want %q", all[end:], in.behind)
			}
		})
	}
}

func check(t *testing.T, in input, end int, err error) {
	t.Helper()
	if in.want == nil && err != nil || in.want != nil && !errors.Is(err, in.want) {
		t.Fatalf("verdict %v, want %v", err, in.want)
	}
	if in.want == nil && end != len(in.bytes) {
		t.Fatalf("head ends at %d, want %d", end, len(in.bytes))
	}
}

func TestSameVerdictAtEverySplit(t *testing.T) {
	for _, in := range hostile() {
		t.Run(in.name, func(t *testing.T) {
			all := in.bytes + in.behind
			all = all[:min(len(all), MaxHeadBytes+16)]
			step := 1 + len(all)/1000
			var r Request
			for cut := 0; cut <= len(all); cut += step {
				end, err := judge(t, all, &r, cut)
				check(t, in, end, err)
			}
			cuts := make([]int, len(all))
			for i := range cuts {
				cuts[i] = i
			}
			end, err := judge(t, all, &r, cuts...)
			check(t, in, end, err)
		})
	}
}

func TestRefusedAtFixedByte(t *testing.T) {
	// The scanner's refusals come with the offending byte, not later: nobody
	// waits for the rest of a head that is already lost.
	for _, in := range []struct {
		bytes string
		want  *Refusal
	}{
		{"GET / HTTP/1.1\n", ErrBareLF},
		{"GET / HTTP/1.1\r\r", ErrBareCR},
		{"GET / HTTP/1.1\r\nHost\x00", ErrControlByte},
		{"GET / HTTP/1.1\r\nHost: a\r\n ", ErrObsFold},
		{"GET / HTTP/1.1\r\n:", ErrFieldName},
		{"\x16", ErrControlByte},
		{"\r\n\r", ErrRequestLine},
		{"(", ErrRequestLine},
		{strings.Repeat("x", MaxHeadBytes), ErrHeadTooLong},
		{"G / H\r\n" + strings.Repeat("a:\r\n", MaxHeaders) + "b", ErrTooManyHeaders},
	} {
		var s Scanner
		last := len(in.bytes) - 1
		if end, err := s.Scan([]byte(in.bytes[:last]), Limits{}); end != 0 || err != nil {
			t.Errorf("%.20q: end %d, err %v one byte early", in.bytes, end, err)
		}
		if _, err := s.Scan([]byte(in.bytes), Limits{}); !errors.Is(err, in.want) {
			t.Errorf("%.20q: %v, want %v", in.bytes, err, in.want)
		}
	}
}
