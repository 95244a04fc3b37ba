package codec

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
)

// memory is the server's end of a connection whose client sends one frame over and over, and
// on which nothing that the server sends arrives anywhere.
type memory struct {
	frame []byte
	at    int
	left  int // frames to come; then there is io.EOF
}

func newMemory(size, frames int) *memory {
	return &memory{frame: wire.AppendFrame(nil, true, wire.Text, [4]byte{1, 2, 3, 4}, wire.Payload(size, 1)), left: frames}
}

func (m *memory) Read(p []byte) (n int, err error) {
	for n < len(p) && m.left > 0 {
		copied := copy(p[n:], m.frame[m.at:])
		n += copied
		if m.at += copied; m.at == len(m.frame) {
			m.at = 0
			m.left--
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (*memory) Write(p []byte) (int, error)      { return len(p), nil }
func (*memory) Close() error                     { return nil }
func (*memory) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*memory) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*memory) SetDeadline(time.Time) error      { return nil }
func (*memory) SetReadDeadline(time.Time) error  { return nil }
func (*memory) SetWriteDeadline(time.Time) error { return nil }

// hijacked is a response of an HTTP server that hands over a connection.
type hijacked struct {
	c      net.Conn
	header http.Header
}

func (h hijacked) Header() http.Header         { return h.header }
func (h hijacked) Write(p []byte) (int, error) { return len(p), nil }
func (h hijacked) WriteHeader(int)             {}
func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.c, bufio.NewReadWriter(bufio.NewReader(h.c), bufio.NewWriter(h.c)), nil
}

// upgrade is a request to upgrade, and the response to it, over c.
func upgrade(c net.Conn) (http.ResponseWriter, *http.Request) {
	r, _ := http.NewRequest(http.MethodGet, "http://localhost/", nil) // never fails
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	return hijacked{c, make(http.Header)}, r
}
