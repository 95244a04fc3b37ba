package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/relay"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/transport"
)

// listenBehind listens behind proxies.
func listenBehind(trusted Trust) func() (net.Listener, error) {
	return func() (net.Listener, error) {
		ln, err := listenLocally()
		if err != nil {
			return nil, err
		}
		return ProxyListener(ln, trusted)
	}
}

// Whatever the header's version, and however it is cut: requests, Upgrade and the connection
// see the client, and the connection moves to the loop as without the header.
func TestProxyListener_TheClientIsSeen(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}}
	for name, test := range map[string]struct {
		wrap func(net.Listener) net.Listener // nil: no TLS
		way  transport.Transport
	}{
		"plain":       {nil, (*platform.Socket)(nil)},
		"TLS moved":   {func(ln net.Listener) net.Listener { return tls.NewListener(UpgradeListener(ln), config) }, (*secure.Transport)(nil)},
		"TLS relayed": {func(ln net.Listener) net.Listener { return tls.NewListener(ln, config) }, (*relay.Conn)(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			type seen struct {
				remote, peer netip.AddrPort
				request      string
				way          transport.Transport
			}
			opened := make(chan seen, 1)
			s := &Server{OnMessage: echo, OnConnection: func(c *conn.Conn) {
				r, _ := c.Request()
				opened <- seen{c.RemoteAddr(), c.PeerAddr(), r.RemoteAddr, below(c)}
			}}
			w := serveWebOn(t, s, upgrades(s, nil), func() (net.Listener, error) {
				ln, err := listenBehind(here)()
				if err == nil && test.wrap != nil {
					ln = test.wrap(ln)
				}
				return ln, err
			})
			for _, c := range []struct{ header, from string }{
				{announced, announcedFrom}, {announced2, announcedFrom}, {"PROXY UNKNOWN\r\n", ""}, {unannounced, ""},
			} {
				for _, send := range []func(*peer, string){(*peer).send, (*peer).drip, func(p *peer, header string) {
					p.Conn = &headedConn{p.Conn, headed{p.Conn, header}} // with what follows
				}} {
					p := w.dialRaw(t)
					socket := netip.MustParseAddrPort(p.LocalAddr().String())
					from := socket
					if c.from != "" {
						from = netip.MustParseAddrPort(c.from)
					}
					send(p, c.header)
					if test.wrap != nil {
						p.Conn = tls.Client(p.Conn, trusting())
						p.r.Reset(p.Conn)
					}
					p.send(with("A: b") + masked(frame.Text, true, "glued"))
					p.expectStatus(101)
					got := receive(t, opened)
					if got.remote != from || got.peer != socket || got.request != from.String() {
						t.Errorf("%.10q: seen as %+v, want %v through %v", c.header, got, from, socket)
					}
					if !platform.Native && test.wrap == nil {
						test.way = (*relay.Conn)(nil)
					}
					if way, want := fmt.Sprintf("%T", got.way), fmt.Sprintf("%T", test.way); way != want {
						t.Errorf("it is over a %s, want a %s", way, want)
					}
					p.expectText("glued")
					p.alive()
				}
			}
		})
	}
}

// A proxy's connection without a good header is closed, without a word.
func TestProxyListener_HeaderIsRequiredOfAProxy(t *testing.T) {
	s := &Server{}
	w := serveWebOn(t, s, upgrades(s, nil), listenBehind(here))
	for _, sent := range []string{
		upgrade + "\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 56789 65536\r\n" + upgrade, "PROXY UNKNOWN " + strings.Repeat("x", 200),
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", "\x16\x03\x01\x02\x00" + strings.Repeat("\x00", 20),
	} {
		p := w.dialRaw(t)
		p.send(sent)
		if b, err := io.ReadAll(p); len(b) > 0 || err != nil && !isReset(err) {
			t.Errorf("%.20q: answered %q, %v", sent, b, err)
		}
	}
	if s.run != nil {
		t.Error("one got as far as Upgrade")
	}
}

// A client that is no proxy cannot pass for another by a header, and needs none.
func TestAttackProxyListenerHeaderFromAnyone(t *testing.T) {
	s := &Server{OnMessage: echo}
	w := serveWebOn(t, s, upgrades(s, nil), listenBehind(Trust{Networks: prefixes("192.0.2.0/24"), Unix: true}))
	for _, header := range []string{announced, announced2, unannounced} {
		p := w.dialRaw(t)
		p.send(header + upgrade + "\r\n")
		p.expectStatus(http.StatusBadRequest)
	}
	w.dial(t).alive()
}

// A header that does not come is not waited for for ever, and holds nobody else up.
func TestProxyListener_HeaderThatDoesNotCome(t *testing.T) {
	parallel(t)
	patient := func(patience time.Duration) *web {
		s := &Server{OnMessage: echo}
		return serveWebOn(t, s, upgrades(s, nil), func() (net.Listener, error) {
			ln, err := listenLocally()
			if err == nil {
				ln = nethttp.ProxyListener(ln, here.has, patience)
			}
			return ln, err
		})
	}
	w := patient(50 * time.Millisecond)
	for _, part := range []string{"", "P", announced[:len(announced)-1], announced2[:20]} {
		p := w.dialRaw(t)
		_, _ = io.WriteString(p, part)
		if b, err := io.ReadAll(p); len(b) > 0 || err != nil && !isReset(err) { // it may come too late
			t.Errorf("%.10q: answered %q, %v", part, b, err)
		}
	}
	w = patient(time.Hour)
	w.dialRaw(t) // says nothing
	p := w.dialRaw(t)
	p.send(announced)
	p.handshake()
	p.alive()
}

func TestProxyListener_Impossible(t *testing.T) {
	ln := listenLocal(t)
	defer ln.Close()
	if _, err := ProxyListener(ln, Trust{Networks: []netip.Prefix{{}}}); err == nil {
		t.Error("no error")
	}
}
