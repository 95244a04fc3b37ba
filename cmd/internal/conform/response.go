package conform

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// maxResponse bounds the head of an answer to a handshake, in bytes.
const maxResponse = 64 << 10

// response is the head of an HTTP answer.
type response struct {
	status int
	reason string
	fields []field // in the order in which they came
}

// field is one header line.
type field struct{ name, value string }

// values are those of all lines called name.
func (r *response) values(name string) []string {
	var values []string
	for _, f := range r.fields {
		if strings.EqualFold(f.name, name) {
			values = append(values, f.value)
		}
	}
	return values
}

// parseResponse returns the head that b begins with and how many bytes it takes: 0
// of them if b holds only part of it. It reads as strictly as RFC 9112 writes.
func parseResponse(b []byte) (r *response, n int, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > maxResponse {
			return nil, 0, faultf("a head of more than %d bytes", maxResponse)
		}
		return nil, 0, startsLikeHTTP(b)
	}
	lines := strings.Split(string(b[:end]), "\r\n")
	r = new(response)
	version, rest, _ := strings.Cut(lines[0], " ")
	code, reason, _ := strings.Cut(rest, " ")
	r.reason = reason
	if (version != "HTTP/1.1" && version != "HTTP/1.0") || len(code) != 3 {
		return nil, 0, faultf("%q, which is no status line (RFC 9112 4)", clip(lines[0]))
	}
	if r.status, err = strconv.Atoi(code); err != nil || r.status < 100 {
		return nil, 0, faultf("%q, which is no status line (RFC 9112 4)", clip(lines[0]))
	}
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		if !found || !isToken(name) || strings.ContainsAny(line, "\r\n\x00") {
			return nil, 0, faultf("%q, which is no header line (RFC 9112 5)", clip(line))
		}
		r.fields = append(r.fields, field{name, strings.Trim(value, " \t")})
	}
	return r, end + 4, nil
}

// startsLikeHTTP is an error as soon as b cannot become a status line.
func startsLikeHTTP(b []byte) error {
	const prefix = "HTTP/1."
	if n := min(len(b), len(prefix)); string(b[:n]) != prefix[:n] {
		return faultf("%q, which is no HTTP answer", clip(string(b)))
	}
	return nil
}

// clip shortens what a server sent to what a sentence can hold.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// isToken reports whether s is a token: RFC 9110 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// tokens are the members of a comma-separated header, in lower case.
func tokens(values []string) []string {
	var all []string
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if t = strings.ToLower(strings.Trim(t, " \t")); t != "" {
				all = append(all, t)
			}
		}
	}
	return all
}

// acceptKey is what a server answers to key: RFC 6455 4.2.2.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// switches returns the rule that r breaks as an answer that opens a connection for
// a request with key, that offered the subprotocols: RFC 6455 4.1.
func (r *response) switches(key string, protocols []string) error {
	if r.status != 101 {
		return faultf("the handshake was answered with %d %s, not with 101", r.status, clip(r.reason))
	}
	if got := tokens(r.values("Upgrade")); len(got) != 1 || got[0] != "websocket" {
		return faultf("the answer's Upgrade is %q, not websocket (RFC 6455 4.2.2)", got)
	}
	if got := tokens(r.values("Connection")); len(got) != 1 || got[0] != "upgrade" {
		return faultf("the answer's Connection is %q, not Upgrade (RFC 6455 4.2.2)", got)
	}
	accept := r.values("Sec-WebSocket-Accept")
	if len(accept) != 1 || accept[0] != acceptKey(key) {
		return faultf("the answer's Sec-WebSocket-Accept is %q, not %q (RFC 6455 4.2.2)", accept, acceptKey(key))
	}
	if len(r.values("Content-Length"))+len(r.values("Transfer-Encoding")) > 0 {
		return fault("a 101 with Content-Length or Transfer-Encoding (RFC 9110 8.6, RFC 9112 6.1)")
	}
	chosen := r.values("Sec-WebSocket-Protocol")
	if len(chosen) > 1 {
		return fault("more than one Sec-WebSocket-Protocol (RFC 6455 11.3.4)")
	}
	for _, c := range chosen {
		if !slices.Contains(protocols, c) {
			return faultf("the subprotocol %q, which was not offered (RFC 6455 4.2.2)", c)
		}
	}
	return nil
}
