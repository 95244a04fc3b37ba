package handshake

import (
	"strings"
	"testing"
)

// sampleKey and sampleAccept are those of RFC 6455 1.3.
const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// request builds a head from its lines.
func request(lines ...string) string {
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// minimal is the least that RFC 6455 4.2.1 asks for, plus extra lines.
func minimal(extra ...string) string {
	return request(append([]string{
		"GET /chat HTTP/1.1",
		"Host: example.com",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: " + sampleKey,
		"Sec-WebSocket-Version: 13",
	}, extra...)...)
}

// judge takes bytes through the whole handshake, scanning them in the given
// pieces, and gives the end of the head and the verdict.
func judge(t *testing.T, in string, r *Request, cuts ...int) (end int, err error) {
	t.Helper()
	var s Scanner
	all := []byte(in)
	for _, cut := range append(cuts, len(in)) {
		if end, err = s.Scan(all[:cut], Limits{}); end > 0 || err != nil {
			break
		}
	}
	if err != nil || end == 0 {
		return end, err
	}
	if err := Parse(all[:end], r); err != nil {
		return end, err
	}
	return end, r.Verify()
}

func TestHandshakeOfRFC6455(t *testing.T) {
	in := request(
		"GET /chat HTTP/1.1",
		"Host: server.example.com",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: "+sampleKey,
		"Origin: http://example.com",
		"Sec-WebSocket-Protocol: chat, superchat",
		"Sec-WebSocket-Version: 13",
	)
	var r Request
	end, err := judge(t, in, &r)
	if end != len(in) || err != nil {
		t.Fatalf("end %d, err %v; want %d, nil", end, err, len(in))
	}
	got, err := AppendResponse(nil, &r, Response{Subprotocol: "chat"})
	if err != nil {
		t.Fatal(err)
	}
	want := request(
		"HTTP/1.1 101 Switching Protocols",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Accept: "+sampleAccept,
		"Sec-WebSocket-Protocol: chat",
	)
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// field is the value of the first line with that name, in any case, and how many lines have the name.
func (r *Request) field(name string) (value []byte, n int) {
	if f := known(name); f != notKnown {
		return r.known[f].first, r.known[f].lines
	}
	for fieldName, v := range r.Headers {
		if equalFold(fieldName, name) {
			if n == 0 {
				value = v
			}
			n++
		}
	}
	return value, n
}
