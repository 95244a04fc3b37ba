package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/phase"
)

// peer is a client that sends what a test tells it to.
type peer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// upgrade is a handshake without the empty line that ends it.
const upgrade = "GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n" +
	"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

func dialRaw(t testing.TB, s *Server) *peer {
	t.Helper()
	addr := s.ListenAddr()
	return dialAddr(t, addr.Network(), addr.String())
}

func dialAddr(t testing.TB, network, addr string) *peer {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(peerPatience))
	return &peer{t, c, bufio.NewReader(c)}
}

// dial is a peer whose handshake is done; headers are added to it.
func dial(t testing.TB, s *Server, headers ...string) *peer {
	t.Helper()
	p := dialRaw(t, s)
	p.handshake(headers...)
	return p
}

// anew gives the peer its time anew.
func (p *peer) anew() *peer {
	_ = p.SetDeadline(time.Now().Add(peerPatience))
	return p
}

// isTaken sends a request and reports whether it is answered with 101. Otherwise it closes the peer, and leaves the
// server some time to see that.
func (p *peer) isTaken(request string) bool {
	_, _ = io.WriteString(p, request)
	if resp, err := http.ReadResponse(p.r, nil); err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		return true
	}
	p.Close()
	time.Sleep(50 * time.Millisecond)
	return false
}

// handshake does the handshake.
func (p *peer) handshake(headers ...string) *http.Response {
	p.t.Helper()
	p.send(upgrade + strings.Join(append(headers, "", ""), "\r\n"))
	return p.expectStatus(http.StatusSwitchingProtocols)
}

func (p *peer) response() *http.Response {
	p.t.Helper()
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		p.t.Fatalf("waiting for a response: %v", err)
	}
	return resp
}

func (p *peer) expectStatus(status int) *http.Response {
	p.t.Helper()
	resp := p.response()
	if resp.StatusCode != status {
		p.t.Fatalf("status %s, want %d", resp.Status, status)
	}
	return resp
}

// joins reads the answer to a request while the server ends, which is 101. It returns false if the machine was too
// slow: the end began so long ago that the server may have refused.
func (p *peer) joins(began time.Time) bool {
	p.t.Helper()
	resp, err := http.ReadResponse(p.r, nil)
	refused := err != nil || resp.StatusCode == http.StatusServiceUnavailable
	if refused && time.Since(began) > phase.DrainGrace {
		return false
	}
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		p.t.Fatalf("got %v, %v; want 101", resp, err)
	}
	return true
}

// expectRefusal checks that the response has the status and the form of a refusal,
// and that the connection ends behind it.
func (p *peer) expectRefusal(status int) (resp *http.Response, body string) {
	p.t.Helper()
	resp = p.expectStatus(status)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if !resp.Close {
		p.t.Errorf("%d without Connection: close", status)
	}
	if n := strings.Count(string(b), "\n"); n != 1 || !strings.HasSuffix(string(b), "\n") {
		p.t.Errorf("body of %d is not one line: %q", status, b)
	}
	p.expectEOF()
	return resp, string(b)
}

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p, s); err != nil {
		p.t.Fatal(err)
	}
}

// drip sends one byte per segment.
func (p *peer) drip(s string) {
	p.t.Helper()
	for i := range len(s) {
		p.send(s[i : i+1])
	}
}

func masked(op frame.Opcode, fin bool, payload string) string {
	h := frame.Header{Fin: fin, Opcode: op, Masked: true, MaskingKey: 0xA1B2C3D4}
	return string(frame.AppendFrame(nil, h, []byte(payload)))
}

func (p *peer) text(s string) { p.t.Helper(); p.send(masked(frame.Text, true, s)) }

func (p *peer) close(code frame.CloseCode, reason string) {
	p.t.Helper()
	payload, err := frame.AppendClose(nil, code, reason)
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(masked(frame.Close, true, string(payload)))
}

// leavesWith has a server shut down whose only client p is, and answers its Close frame.
func (p *peer) leavesWith(s *Server) {
	p.t.Helper()
	type end struct {
		Drain
		error
	}
	done := make(chan end, 1)
	go func() {
		d, err := s.Shutdown(context.Background())
		done <- end{d, err}
	}()
	p.expectClose(frame.GoingAway)
	p.close(frame.GoingAway, "")
	p.expectEOF()
	p.Close()
	if e := receive(p.t, done); e.error != nil || e.Clean != 1 || e.Forced != 0 {
		p.t.Errorf("got %+v", e)
	}
}

// next reads the next frame.
func (p *peer) next() (frame.Header, string) {
	p.t.Helper()
	h, payload, err := p.read()
	if err != nil {
		p.t.Fatalf("waiting for a frame: %v", err)
	}
	return h, payload
}

func (p *peer) read() (h frame.Header, payload string, err error) {
	var head []byte
	for {
		b, err := p.r.ReadByte()
		if err != nil {
			return h, "", err
		}
		head = append(head, b)
		h, n, err := frame.DecodeHeader(head)
		if err != nil {
			return h, "", err
		}
		if n > 0 {
			b := make([]byte, h.PayloadLen)
			_, err := io.ReadFull(p.r, b)
			return h, string(b), err
		}
	}
}

// expect checks the next frame.
func (p *peer) expect(op frame.Opcode, payload string) {
	p.t.Helper()
	p.expectFragment(op, true, payload)
}

func (p *peer) expectText(payload string) { p.t.Helper(); p.expect(frame.Text, payload) }

func (p *peer) expectFragment(op frame.Opcode, fin bool, payload string) {
	p.t.Helper()
	h, got := p.next()
	if h.Opcode != op || h.Fin != fin || h.Masked || got != payload {
		p.t.Fatalf("got %+v %.40q, want %v %.40q", h, got, op, payload)
	}
}

// expectClose checks that the next frame is a Close with the code, and returns the
// reason.
func (p *peer) expectClose(code frame.CloseCode) (reason string) {
	p.t.Helper()
	h, got := p.next()
	if h.Opcode != frame.Close {
		p.t.Fatalf("got %v %.40q, want a Close", h.Opcode, got)
	}
	c, text, err := frame.ParseClose([]byte(got))
	if err != nil || c != code {
		p.t.Fatalf("close code %v, %v; want %v", c, err, code)
	}
	return string(text)
}

// expectEOF checks that the server ended the stream, and did not reset it.
func (p *peer) expectEOF() {
	p.t.Helper()
	if b, err := p.r.ReadByte(); err != io.EOF {
		p.t.Fatalf("got byte %x, %v; want the end", b, err)
	}
}

// expectGone checks that the stream ends somehow.
func (p *peer) expectGone() {
	p.t.Helper()
	_, err := io.Copy(io.Discard, p.r)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		p.t.Fatalf("waiting for the end: %v", err)
	}
}

// alive checks that an echo comes back.
func (p *peer) alive() {
	p.t.Helper()
	p.text("still there?")
	p.expectText("still there?")
}
