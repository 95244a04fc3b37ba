package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func listenTLS() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}}), nil
}

// bridged runs a test with connections that must be bridged to.
func bridged(t *testing.T, f func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer)) {
	t.Run("tls", func(t *testing.T) {
		f(t, listenTLS, func(w *web) *peer {
			p := w.dialRaw(t)
			over := tls.Client(p.Conn, trusting())
			p.Conn, p.r = over, bufio.NewReader(over)
			return p
		})
	})
	t.Run("of_another_type", func(t *testing.T) {
		f(t, listenOddly, func(w *web) *peer { return w.dialRaw(t) })
	})
}

func TestBridge_SameCallbacks(t *testing.T) {
	bridged(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		modes(t, func(t *testing.T, d conn.Dispatch) {
			type seen struct {
				secure        bool
				remote, local netip.AddrPort
			}
			opened, closed := make(chan seen, 1), make(chan conn.CloseInfo, 1)
			s := &Server{OnMessage: echo, Dispatch: d, OnConnection: func(c *conn.Conn) {
				opened <- seen{c.TLS() != nil, c.RemoteAddr(), c.LocalAddr()}
			}, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
			web := serveWebOn(t, s, upgrades(s, nil), listen)
			p := dial(web)
			p.send(with("A: b") + masked(frame.Text, true, "glued"))
			p.expectStatus(101)
			p.expectText("glued")
			_, secure := p.Conn.(*tls.Conn)
			want := seen{secure, netip.MustParseAddrPort(p.LocalAddr().String()), netip.MustParseAddrPort(p.RemoteAddr().String())}
			if got := receive(t, opened); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			for _, n := range []int{0, 1, 1000, 70_000, 256 << 10} {
				text := strings.Repeat("x", n)
				p.text(text)
				p.expectText(text)
			}
			p.close(1000, "")
			p.expectClose(1000)
			p.expectEOF()
			p.Close()
			if info := receive(t, closed); !info.Clean() {
				t.Errorf("got %+v", info)
			}
			expectAllAccounted(t, s.Stats())
			s.run.admission.nobody(t)
		})
	})
}

func TestBridge_APeerThatDoesNotReadIsCut(t *testing.T) {
	bridged(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		closed := make(chan conn.CloseInfo, 1)
		s := &Server{
			Limits:       Limits{WriteTimeout: 100 * time.Millisecond, MaxPending: 32 << 20},
			OnConnection: func(c *conn.Conn) { _ = c.SendText(strings.Repeat("x", 16<<20)) },
			OnClose:      func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
		}
		web := serveWebOn(t, s, upgrades(s, nil), listen)
		p := dial(web)
		p.greet()
		if info := receive(t, closed); info.Clean() || info.Unsent == 0 {
			t.Errorf("got %+v", info)
		}
		p.expectEnd()
	})
}

// expectEnd checks that the stream ends, TLS's end missing or not.
func (p *peer) expectEnd() {
	p.t.Helper()
	for {
		if _, err := p.r.Discard(1 << 12); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				p.t.Fatal("waited in vain for the end")
			}
			return
		}
	}
}

func TestBridge_APeerThatIsCutIsNoticed(t *testing.T) {
	bridged(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		closed := make(chan conn.CloseInfo, 1)
		s := &Server{OnMessage: echo, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
		web := serveWebOn(t, s, upgrades(s, nil), listen)
		p := dial(web)
		p.greet()
		p.alive()
		if over, ok := p.Conn.(*tls.Conn); ok {
			_ = over.NetConn().Close()
		}
		p.Close()
		if info := receive(t, closed); info.Clean() || info.Err == nil {
			t.Errorf("got %+v", info)
		}
		s.run.admission.nobody(t)
	})
}

// A client that breaks a rule is told which, though it goes on sending.
func TestBridge_ProtocolErrorsAreTold(t *testing.T) {
	bridged(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		s := &Server{OnMessage: echo}
		web := serveWebOn(t, s, upgrades(s, nil), listen)
		p := dial(web)
		p.greet()
		p.send(masked(frame.Text, true, "\xff") + strings.Repeat("more", 10_000))
		p.expectClose(frame.InvalidFramePayloadData)
	})
}

func TestBridge_ShutdownDrains(t *testing.T) {
	bridged(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		s := &Server{OnMessage: echo}
		web := serveWebOn(t, s, upgrades(s, nil), listen)
		p := dial(web)
		p.greet()
		p.alive()
		done := make(chan error, 1)
		go func() {
			d, err := s.Shutdown(context.Background())
			if d.Clean != 1 || d.Forced != 0 {
				t.Errorf("got %+v", d)
			}
			done <- err
		}()
		p.expectClose(frame.GoingAway)
		p.close(frame.GoingAway, "")
		p.expectEOF()
		p.Close()
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	})
}
