package server

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/tlsrecords"
)

func listenTLS() (net.Listener, error) {
	return listenTLSOn(func(ln net.Listener) net.Listener { return ln })
}

// listenMovably listens so that TLS can move to the loop.
func listenMovably() (net.Listener, error) { return listenTLSOn(UpgradeListener) }

// listenTLSOn is crypto/tls over what wrap makes of a listener.
func listenTLSOn(wrap func(net.Listener) net.Listener) (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return tls.NewListener(wrap(ln), &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}}), nil
}

// dialTLS is dialRaw over TLS.
func (w *web) dialTLS(t testing.TB) *peer {
	p := w.dialRaw(t)
	over := tls.Client(p.Conn, trusting())
	p.Conn, p.r = over, bufio.NewReader(over)
	return p
}

// wrapped runs a test with connections of net/http's that are more than their sockets.
func wrapped(t *testing.T, f func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer)) {
	t.Run("tls_moved", func(t *testing.T) { f(t, listenMovably, func(w *web) *peer { return w.dialTLS(t) }) })
	t.Run("tls_relayed", func(t *testing.T) { f(t, listenTLS, func(w *web) *peer { return w.dialTLS(t) }) })
	t.Run("of_another_type", func(t *testing.T) { f(t, listenOddly, func(w *web) *peer { return w.dialRaw(t) }) })
}

func TestWrapped_SameCallbacks(t *testing.T) {
	wrapped(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
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
			s.run.nobody(t)
		})
	})
}

func TestWrapped_APeerThatDoesNotReadIsCut(t *testing.T) {
	parallel(t)
	wrapped(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		parallel(t)
		closed := make(chan conn.CloseInfo, 1)
		s := &Server{
			Limits:       Limits{Limits: conn.Limits{WriteTimeout: 500 * time.Millisecond, MaxPending: 32 << 20}},
			OnConnection: func(c *conn.Conn) { _ = c.SendText(strings.Repeat("x", 16<<20)) },
			OnClose:      func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
		}
		web := serveWebOn(t, s, upgrades(s, nil), listen)
		p := dial(web)
		p.handshake()
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

// The close callback gets the error with which the connection has failed. crypto/tls does not tell its
// reader whether an end between records was announced. Only a loop sees that.
func TestWrapped_HowItEndedIsReported(t *testing.T) {
	cut := func(p *peer) { _ = underTLS(p).CloseWrite() }
	within := func(p *peer) {
		_, _ = underTLS(p).Write([]byte{tlsrecords.Data, 3, 3, 0, 100, 'h', 'a', 'l', 'f'})
		cut(p)
	}
	notify := func(p *peer) { _ = p.Conn.(*tls.Conn).CloseWrite() }
	reset := func(p *peer) { _ = underTLS(p).SetLinger(0); _ = underTLS(p).Close() }
	for _, test := range []struct {
		name   string
		listen func() (net.Listener, error)
		end    func(*peer)
		want   error
	}{
		{"moved, cut between records", listenMovably, cut, conn.ErrTruncated},
		{"moved, cut within a record", listenMovably, within, conn.ErrTruncated},
		{"moved, close_notify", listenMovably, notify, conn.ErrUnexpectedEOF},
		{"moved, reset", listenMovably, reset, syscall.ECONNRESET},
		{"relayed, cut between records", listenTLS, cut, conn.ErrUnexpectedEOF},
		{"relayed, cut within a record", listenTLS, within, conn.ErrTruncated},
		{"relayed, close_notify", listenTLS, notify, conn.ErrUnexpectedEOF},
		{"relayed, reset", listenTLS, reset, syscall.ECONNRESET},
		{"of another type, ended", listenOddly, cut, conn.ErrUnexpectedEOF},
		{"of another type, reset", listenOddly, reset, syscall.ECONNRESET},
	} {
		t.Run(test.name, func(t *testing.T) {
			closed := make(chan conn.CloseInfo, 1)
			s := &Server{OnMessage: echo, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
			web := serveWebOn(t, s, upgrades(s, nil), test.listen)
			p := web.dialRaw(t)
			if !strings.HasPrefix(test.name, "of") {
				p = web.dialTLS(t)
			}
			p.handshake()
			p.alive()
			test.end(p)
			info := receive(t, closed)
			plain := test.want == conn.ErrUnexpectedEOF
			if !errors.Is(info.Err, test.want) || plain && errors.Is(info.Err, conn.ErrTruncated) || info.Clean() {
				t.Errorf("ended with %v, want %v", info.Err, test.want)
			}
			s.run.nobody(t)
		})
	}
}

// A stream of TLS that is cut while net/http still has it, which is then told its handler by
// the request's context, ends as one that is cut later.
func TestWrapped_WhatIsCutBeforeItMovesIsTruncated(t *testing.T) {
	for name, end := range map[string]func(*peer) error{
		"between records": func(*peer) error { return nil },
		"within a record": func(p *peer) error {
			_, err := underTLS(p).Write([]byte{tlsrecords.Data, 3, 3, 0, 100, 'h', 'a', 'l', 'f'})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan conn.CloseInfo, 1)
			s := &Server{OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
			web := serveWebOn(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				if err := s.Upgrade(w, r, nil); err != nil {
					t.Error(err)
				}
			}), listenMovably)
			p := web.dialTLS(t)
			p.send(with("A: b"))
			if err := errors.Join(end(p), underTLS(p).CloseWrite()); err != nil {
				t.Fatal(err)
			}
			if info := receive(t, closed); !errors.Is(info.Err, conn.ErrTruncated) {
				t.Errorf("ended with %v", info.Err)
			}
			s.run.nobody(t)
		})
	}
}

// underTLS is a peer's socket.
func underTLS(p *peer) *net.TCPConn {
	if over, ok := p.Conn.(*tls.Conn); ok {
		return over.NetConn().(*net.TCPConn)
	}
	return p.Conn.(*net.TCPConn)
}

// A client that breaks a rule is told which, though it goes on sending.
func TestWrapped_ProtocolErrorsAreReported(t *testing.T) {
	wrapped(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		s := &Server{OnMessage: echo}
		web := serveWebOn(t, s, upgrades(s, nil), listen)
		p := dial(web)
		p.handshake()
		p.send(masked(frame.Text, true, "\xff") + strings.Repeat("more", 10_000))
		p.expectClose(frame.InvalidFramePayloadData)
	})
}

func TestWrapped_ShutdownDrains(t *testing.T) {
	wrapped(t, func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		s := &Server{OnMessage: echo}
		web := serveWebOn(t, s, upgrades(s, nil), listen)
		p := dial(web)
		p.handshake()
		p.alive()
		p.leavesWith(s)
	})
}
