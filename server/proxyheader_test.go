package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/gate"
)

// headedConn is a connection of which the first bytes come in one piece with a header.
type headedConn struct {
	net.Conn
	w headed
}

func (c *headedConn) Write(b []byte) (int, error) { return c.w.Write(b) }

// Whatever the header's version, and however it is cut, the client goes by the address in it,
// and what comes behind it is not lost.
func TestProxyProtocol_ClientGoesByTheAddressReported(t *testing.T) {
	securely(t, func(t *testing.T, start func(testing.TB, *Server) *Server, over func(*peer)) {
		s, seen := watched(&Server{Proxies: Proxies{Protocol: here}})
		start(t, s)
		for name, c := range map[string]struct{ header, from string }{
			"v1": {announced, announcedFrom}, "v2": {announced2, announcedFrom},
			"unknown": {"PROXY UNKNOWN\r\n", ""}, "local": {unannounced, ""},
		} {
			t.Run(name, func(t *testing.T) {
				for how, send := range map[string]func(p *peer){
					"apart": func(p *peer) { p.send(c.header) },
					"drip":  func(p *peer) { p.drip(c.header) },
					"together": func(p *peer) {
						p.Conn = &headedConn{p.Conn, headed{p.Conn, c.header}}
					},
				} {
					t.Run(how, func(t *testing.T) {
						p := dialRaw(t, s)
						send(p)
						over(p)
						p.handshake()
						p.expectAddresses(seen, c.from)
						p.alive()
					})
				}
			})
		}
		expectAllAccounted(t, s.Stats())
	})
}

// The specification forbids to guess.
func TestProxyProtocol_IsRequiredOfAProxy(t *testing.T) {
	securely(t, func(t *testing.T, start func(testing.TB, *Server) *Server, over func(*peer)) {
		var log journal
		s := start(t, &Server{Logger: log.logger(), OnMessage: echo, Proxies: Proxies{Protocol: here}})
		for i, sent := range []string{
			upgrade + "\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 56789 65536\r\n" + upgrade, "PROXY UNKNOWN " + strings.Repeat("x", 200),
			"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", "\x16\x03\x01\x02\x00",
		} {
			p := dialRaw(t, s)
			p.send(sent)
			if b, err := io.ReadAll(p); len(b) > 0 || err != nil && !isReset(err) {
				t.Errorf("%.20q: answered %q, %v", sent, b, err)
			}
			if n := s.Stats().Refused[ReasonProxyHeader]; n != uint64(i+1) {
				t.Errorf("%.20q: %d refused", sent, n)
			}
		}
		log.expect(t, "connection of a proxy refused")
		if strings.Contains(log.String(), "QUIT") || strings.Contains(log.String(), "192.0.2.1") {
			t.Errorf("the log has what was sent:\n%s", log.String())
		}
		p := dialRaw(t, s)
		p.send(announced)
		over(p)
		p.handshake()
		p.alive()
		expectAllAccounted(t, s.Stats())
	})
}

// A client that is no proxy cannot pass for another by a header.
func TestAttackProxyHeaderFromAnyone(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Protocol: Trust{Networks: prefixes("192.0.2.0/24"), Unix: true}}})
	for _, header := range []string{announced, announced2, unannounced} {
		p := dialRaw(t, s)
		p.send(header + upgrade + "\r\n")
		p.expectStatus(http.StatusBadRequest)
	}
	if st := s.Stats(); st.Refused[ReasonMalformed] != 3 || st.Refused[ReasonProxyHeader] != 0 {
		t.Errorf("refused %v", st.Refused)
	}
	dial(t, s).alive()
}

func TestProxyProtocol_HeaderThatDoesNotCome(t *testing.T) {
	parallel(t)
	s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Protocol: here}, Limits: Limits{HandshakeTimeout: 500 * time.Millisecond}})
	for _, part := range []string{"", "P", announced[:len(announced)-1], announced2[:20]} {
		p := dialRaw(t, s)
		p.send(part)
		p.expectGone()
	}
	if n := s.Stats().Refused[ReasonTimeout]; n != 4 {
		t.Errorf("%d counted as late", n)
	}
	expectAllAccounted(t, s.Stats())
}

func TestProxyProtocol_ClientThatLeaves(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Protocol: here}, Limits: Limits{HandshakeTimeout: time.Minute}})
	for _, part := range []string{"", announced[:10]} {
		p := dialRaw(t, s)
		p.send(part)
		p.Close()
	}
	eventually(t, "clients that left to be counted", func() bool { return s.Stats().Refused[ReasonLeft] == 2 })
	expectAllAccounted(t, s.Stats())
}

// A drain does not wait for a client whose PROXY header is late.
func TestProxyProtocol_WhileTheServerDrains(t *testing.T) {
	parallel(t)
	s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Protocol: here}, Limits: Limits{HandshakeTimeout: time.Minute}})
	p := dialRaw(t, s)
	p.send(announced2[:10])
	eventually(t, "it to be taken in", func() bool { return s.Stats().Accepted == 1 })
	if err := drain(s, context.Background()); err != nil {
		t.Error(err)
	}
	p.expectGone()
	if n := s.Stats().Refused[ReasonDraining]; n != 1 {
		t.Errorf("%d counted as too late for the drain", n)
	}
}

// A client is held to its own limit, wherever it comes through, and a proxy to none.
func TestProxyProtocol_LimitsAreByTheClientsAddress(t *testing.T) {
	securely(t, func(t *testing.T, start func(testing.TB, *Server) *Server, over func(*peer)) {
		s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Protocol: here}, Limits: Limits{MaxConnectionsPerAddress: 2}})
		come := func(header string) *peer {
			p := dialRaw(t, s)
			p.send(header)
			over(p)
			return p
		}
		var in []*peer
		for _, header := range []string{
			announced, announced2, strings.Replace(announced, "192.0.2.1", "192.0.2.2", 1), unannounced, unannounced, unannounced,
		} {
			p := come(header)
			p.handshake()
			in = append(in, p)
		}
		p := come(announced)
		p.send(with("A: b"))
		if resp := p.expectStatus(http.StatusTooManyRequests); resp.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		p.Close()
		in[0].Close()
		eventually(t, "its place to be free", func() bool { return come(announced).isTaken(with()) })
		for _, p := range in[1:] {
			p.alive()
			p.Close()
		}
		expectAllAccounted(t, s.Stats())
		if n := s.Stats().Refused[ReasonAddress]; n == 0 {
			t.Error("nobody was counted as refused")
		}
	})
}

// Those that are too many are closed, once too many are being told so.
func TestProxyProtocol_RefusingIsBounded(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Protocol: here}, Limits: Limits{MaxConnectionsPerAddress: 1}})
	first := dialRaw(t, s)
	first.send(announced)
	first.handshake()

	addr := netip.MustParseAddrPort(announcedFrom).Addr()
	answered := 0
	for s.run.gate.Enter(addr) == gate.ExcessAddress {
		answered++
	}
	p := dialRaw(t, s)
	p.send(announced + upgrade + "\r\n")
	if b, _ := io.ReadAll(p); len(b) > 0 {
		t.Errorf("told %q", b)
	}
	if n := s.Stats().Refused[ReasonAddress]; n != 1 {
		t.Errorf("%d refused", n)
	}
	for range answered {
		s.run.gate.Leave(addr, gate.ExcessAddress)
	}
	first.alive()
	first.Close()
	s.run.nobody(t)
	expectAllAccounted(t, s.Stats())
}

func TestProxyProtocol_OverAUnixSocket(t *testing.T) {
	for _, trust := range []bool{true, false} {
		s, seen := watched(&Server{
			Addr:    "unix:" + filepath.Join(t.TempDir(), "s"),
			Proxies: Proxies{Protocol: Trust{Unix: trust, Networks: here.Networks}},
		})
		start(t, s)
		p := dialRaw(t, s)
		p.send(announced + upgrade + "\r\n")
		if !trust {
			p.expectStatus(http.StatusBadRequest)
			continue
		}
		p.expectStatus(http.StatusSwitchingProtocols)
		p.expectAddresses(seen, announcedFrom)
		p.alive()
		p = dialRaw(t, s)
		p.send(unannounced)
		p.handshake()
		p.expectAddresses(seen, "")
	}
}

// The Handler gets requests with the address, and so does a handshake behind one.
func TestProxyProtocol_BeforeTheHandler(t *testing.T) {
	securely(t, func(t *testing.T, start func(testing.TB, *Server) *Server, over func(*peer)) {
		s, seen := watched(handled(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }))
		s.Proxies.Protocol = here
		start(t, s)
		p := dialRaw(t, s)
		p.send(announced)
		over(p)
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		resp := p.expectStatus(200)
		if b, err := io.ReadAll(resp.Body); string(b) != announcedFrom || err != nil {
			t.Errorf("the Handler sees %q, %v", b, err)
		}
		p.handshake()
		p.expectAddresses(seen, announcedFrom)
		p.alive()
		p.Close()
		s.run.nobody(t)
	})
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}
