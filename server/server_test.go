package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// start starts a server on a free port and ends it with the test.
func start(t *testing.T, s *Server) *Server {
	t.Helper()
	if s.Addr == "" {
		s.Addr = "127.0.0.1:0"
	}
	if s.Logger == nil {
		s.Logger = quiet
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, l := range s.run.loops {
			if n, bytes := l.conns.Lent(); n != 0 {
				t.Errorf("%d buffers, %d bytes still lent", n, bytes)
			}
		}
	})
	return s
}

// peer is a client that sends what a test tells it to.
type peer struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

const upgrade = "GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n" +
	"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

func dialRaw(t *testing.T, s *Server) *peer {
	t.Helper()
	addr := s.ListenAddr()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{t, c, bufio.NewReader(c)}
}

// dial is a peer whose handshake is done; headers are added to it.
func dial(t *testing.T, s *Server, headers ...string) *peer {
	t.Helper()
	p := dialRaw(t, s)
	p.send([]byte(upgrade + strings.Join(append(headers, "", ""), "\r\n")))
	resp := p.response()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %s", resp.Status)
	}
	return p
}

func (p *peer) response() *http.Response {
	p.t.Helper()
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

func (p *peer) send(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func masked(op frame.Opcode, fin bool, payload string) []byte {
	return frame.AppendFrame(nil, frame.Header{Fin: fin, Opcode: op, Masked: true, MaskingKey: 0xA1B2C3D4}, []byte(payload))
}

func (p *peer) text(s string) { p.t.Helper(); p.send(masked(frame.Text, true, s)) }

func (p *peer) close(code frame.CloseCode) {
	payload, _ := frame.AppendClose(nil, code, "")
	p.send(masked(frame.Close, true, string(payload)))
}

// next reads the next frame.
func (p *peer) next() (frame.Header, string) {
	p.t.Helper()
	var head []byte
	for {
		b, err := p.r.ReadByte()
		if err != nil {
			p.t.Fatalf("waiting for a frame: %v", err)
		}
		head = append(head, b)
		h, n, err := frame.DecodeHeader(head)
		if err != nil {
			p.t.Fatal(err)
		}
		if n > 0 {
			payload := make([]byte, h.PayloadLen)
			if _, err := io.ReadFull(p.r, payload); err != nil {
				p.t.Fatal(err)
			}
			return h, string(payload)
		}
	}
}

// expect checks the next frame.
func (p *peer) expect(op frame.Opcode, payload string) {
	p.t.Helper()
	h, got := p.next()
	if h.Opcode != op || !h.Fin || h.Masked || got != payload {
		p.t.Fatalf("got %+v %.40q, want %v %.40q", h, got, op, payload)
	}
}

// expectClose checks that the next frame is a Close with the code.
func (p *peer) expectClose(code frame.CloseCode) {
	p.t.Helper()
	h, got := p.next()
	if h.Opcode != frame.Close {
		p.t.Fatalf("got %v %q, want a Close", h.Opcode, got)
	}
	if c, _, _ := frame.ParseClose([]byte(got)); c != code {
		p.t.Fatalf("close code %v, want %v", c, code)
	}
}

func (p *peer) expectEOF() {
	p.t.Helper()
	if b, err := p.r.ReadByte(); err != io.EOF {
		p.t.Fatalf("got byte %x, %v; want the end", b, err)
	}
}

func echo(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) }

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestEcho(t *testing.T) {
	for _, dispatch := range []conn.Dispatch{conn.OnLoop, conn.OnGoroutines} {
		s := start(t, &Server{OnMessage: echo, Dispatch: dispatch})
		p := dial(t, s)
		for i := range 100 {
			p.text(fmt.Sprint("message ", i))
			p.expect(frame.Text, fmt.Sprint("message ", i))
		}
		p.send(masked(frame.Ping, true, "p"))
		p.expect(frame.Pong, "p")
		p.close(frame.NormalClosure)
		p.expectClose(frame.NormalClosure)
		p.expectEOF()
	}
}

func TestShutdownSends1001(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	p := dial(t, s)
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	p.expectClose(frame.GoingAway)
	p.close(frame.GoingAway)
	p.expectEOF()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHandlerServesOrdinaryRequests(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body)
	})})
	resp, err := http.Post("http://"+s.ListenAddr().String()+"/x?y=1", "text/plain", strings.NewReader(strings.Repeat("b", 50_000)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if want := "POST /x?y=1 " + strings.Repeat("b", 50_000); string(body) != want {
		t.Errorf("got %.60q", body)
	}
	p := dial(t, s)
	p.text("x")
	p.expect(frame.Text, "x")
}
