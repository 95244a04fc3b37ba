package server

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/framerail/framerail/internal/transport"
)

// forwardedClients are fields, and the client that they tell of if the test's own address is
// a proxy's: "" for that itself.
var forwardedClients = []struct{ field, line, from string }{
	{"", "X-Forwarded-For: 192.0.2.1", "192.0.2.1:0"},
	{"", "X-Forwarded-For: 203.0.113.9, 192.0.2.1, 127.0.0.9", "192.0.2.1:0"},
	{"", "x-forwarded-for: 203.0.113.9\r\nX-FORWARDED-FOR: 2001:db8::1", "[2001:db8::1]:0"},
	{"", "X-Forwarded-For: unknown", ""},
	{"", "Forwarded: for=192.0.2.1", ""},
	{"", "X-Real-IP: 192.0.2.1", ""},
	{"", "A: b", ""},
	{"Forwarded", `Forwarded: for="203.0.113.9, for="[2001:db8::1]:5000";proto=http`, "[2001:db8::1]:5000"},
	{"forwarded", "Forwarded: for=192.0.2.1;proto=http", "192.0.2.1:0"},
	{"Forwarded", "X-Forwarded-For: 192.0.2.1", ""},
	{"X-Real-IP", "X-Real-Ip: 192.0.2.1\r\nX-Forwarded-For: 203.0.113.9", "192.0.2.1:0"},
}

func TestForwarded_ClientGoesByTheAddressReported(t *testing.T) {
	securely(t, func(t *testing.T, start func(testing.TB, *Server) *Server, over func(*peer)) {
		for _, c := range forwardedClients {
			t.Run(c.field+" "+c.line, func(t *testing.T) {
				s, seen := watched(&Server{Proxies: Proxies{Forwarded: here, ForwardedField: c.field}})
				start(t, s)
				p := dialRaw(t, s)
				over(p)
				p.handshake(c.line)
				p.expectAddresses(seen, c.from)
				p.alive()
			})
		}
	})
}

// A client that is no proxy cannot pass for another by a field.
func TestAttackForwardedByAnyone(t *testing.T) {
	for _, proxies := range []Proxies{
		{}, {Forwarded: Trust{Networks: prefixes("192.0.2.0/24", "10.0.0.0/8"), Unix: true}}, {Protocol: Trust{Unix: true}},
	} {
		s, seen := watched(&Server{Proxies: proxies, Limits: Limits{MaxConnectionsPerAddress: 1}})
		start(t, s)
		p := dial(t, s, "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1")
		p.expectAddresses(seen, "")
		other := dialRaw(t, s)
		other.send(with("X-Forwarded-For: 192.0.2.2"))
		other.expectRefusal(http.StatusTooManyRequests)
		p.alive()
	}
}

// A client is held to its own limit, wherever it comes through, and a proxy to none.
func TestForwarded_LimitsAreByTheClientsAddress(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Forwarded: here}, Limits: Limits{MaxConnectionsPerAddress: 2}})
	const from = "X-Forwarded-For: 2001:db8::"
	in := []*peer{
		dial(t, s, from+"1"), dial(t, s, from+"ffff"), dial(t, s, "X-Forwarded-For: 192.0.2.1"),
		dial(t, s), dial(t, s), dial(t, s), dial(t, s, "X-Forwarded-For: 127.0.0.9"),
	}
	p := dialRaw(t, s)
	p.send(with(from + "2"))
	if resp, _ := p.expectRefusal(http.StatusTooManyRequests); resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	in[0].Close()
	eventually(t, "its place to be free", func() bool { return dialRaw(t, s).isTaken(with(from + "2")) })
	for _, p := range in[1:] {
		p.alive()
		p.Close()
	}
	expectAllAccounted(t, s.Stats())
}

// Behind a proxy that ends TLS, a page of the same host that came by http is another origin.
func TestForwarded_OriginByTheClientsScheme(t *testing.T) {
	for _, c := range []struct {
		field, line string
		http        int // for a page that came by http
	}{
		{"", "A: b", 101},
		{"", "X-Forwarded-Proto: http", 101},
		{"", "X-Forwarded-Proto: https", 403},
		{"", "X-Forwarded-Proto: http, wss", 403},
		{"", "Forwarded: for=192.0.2.1;proto=https", 101},
		{"Forwarded", "Forwarded: for=192.0.2.1;proto=HTTPS", 403},
		{"Forwarded", "Forwarded: for=192.0.2.1;proto=http\r\nX-Forwarded-Proto: https", 101},
	} {
		s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Forwarded: here, ForwardedField: c.field}})
		dial(t, s, c.line, "Origin: https://example.com").alive()
		p := dialRaw(t, s)
		p.send(upgrade + c.line + "\r\nOrigin: http://example.com\r\n\r\n")
		if got := p.response().StatusCode; got != c.http {
			t.Errorf("%q: %d for a page that came by http, want %d", c.line, got, c.http)
		}
	}
}

// A proxy that speaks HTTP may stand before one that speaks the PROXY protocol.
func TestForwarded_BehindTheProxyProtocol(t *testing.T) {
	s, seen := watched(&Server{
		Proxies: Proxies{Protocol: here, Forwarded: Trust{Networks: prefixes("192.0.2.0/24")}},
		Limits:  Limits{MaxConnectionsPerAddress: 1},
	})
	start(t, s)
	for _, client := range []string{"203.0.113.1", "203.0.113.2"} {
		p := dialRaw(t, s)
		p.send(announced)
		p.handshake("X-Forwarded-For: " + client)
		p.expectAddresses(seen, client+":0")
	}
	p := dialRaw(t, s)
	p.send("PROXY TCP4 203.0.113.5 198.51.100.2 1 2\r\n")
	p.handshake("X-Forwarded-For: 203.0.113.7")
	p.expectAddresses(seen, "203.0.113.5:1")
}

func TestForwarded_OverAUnixSocket(t *testing.T) {
	for _, trust := range []bool{true, false} {
		s, seen := watched(&Server{
			Addr:    "unix:" + filepath.Join(t.TempDir(), "s"),
			Proxies: Proxies{Forwarded: Trust{Unix: trust, Networks: here.Networks}},
		})
		start(t, s)
		p := dial(t, s, "X-Forwarded-For: 192.0.2.1")
		if trust {
			p.expectAddresses(seen, "192.0.2.1:0")
		} else {
			p.expectAddresses(seen, "")
		}
		p.alive()
	}
}

// On a connection that a proxy keeps, requests come from one client after the other.
func TestForwarded_EachRequestOfAKeptConnection(t *testing.T) {
	s, seen := watched(handled(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }))
	s.Proxies.Forwarded = here
	s.MaxConnectionsPerAddress = 1
	start(t, s)
	first := dial(t, s, "X-Forwarded-For: 192.0.2.1")
	first.expectAddresses(seen, "192.0.2.1:0")

	p := dialRaw(t, s)
	for _, client := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		p.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + client + "\r\n\r\n")
		if b, _ := io.ReadAll(p.expectStatus(200).Body); string(b) != client+":0" {
			t.Errorf("the Handler sees %q, want %v", b, client)
		}
	}
	p.send(upgrade + "X-Forwarded-For: 192.0.2.1\r\n\r\n")
	resp := p.expectStatus(http.StatusTooManyRequests)
	_, _ = io.Copy(io.Discard, resp.Body)
	s.run.admissionIs(t, 2)
	p.handshake("X-Forwarded-For: 192.0.2.4")
	p.expectAddresses(seen, "192.0.2.4:0")
	p.alive()
	second := dialRaw(t, s)
	second.send(with("X-Forwarded-For: 192.0.2.4"))
	second.expectRefusal(http.StatusTooManyRequests)
	second.Close()
	p.Close()
	first.Close()
	s.run.nobody(t)
}

// Upgrade looks at the field if r.RemoteAddr is a proxy's.
func TestForwarded_WithinNetHTTP(t *testing.T) {
	s, seen := watched(&Server{Proxies: Proxies{Forwarded: here}, Limits: Limits{MaxConnectionsPerAddress: 1}})
	from := &cell[string]{}
	w := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if addr := from.get(); addr != "" {
			r.RemoteAddr = addr
		}
		_ = s.Upgrade(w, r, nil)
	}))
	see := func(p *peer, remote string) {
		t.Helper()
		if got := receive(t, seen); got.remote.String() != remote || got.check != got.remote || got.peer.String() != p.LocalAddr().String() {
			t.Errorf("seen as %+v, want %v", got, remote)
		}
	}
	p := w.dial(t, "X-Forwarded-For: 203.0.113.9, 192.0.2.1")
	see(p, "192.0.2.1:0")
	itself := w.dial(t)
	see(itself, itself.LocalAddr().String())
	again := w.dialRaw(t)
	again.send(with("X-Forwarded-For: 192.0.2.1"))
	again.expectStatus(http.StatusTooManyRequests)
	p.alive()
	p.Close()
	s.run.admissionIs(t, 1)

	from.set("192.0.2.7") // as middleware may have it
	p = w.dial(t, "X-Forwarded-For: 192.0.2.1")
	see(p, "192.0.2.7:0")
}

func TestForwarded_WithinNetHTTPOverAUnixSocket(t *testing.T) {
	s, seen := watched(&Server{Proxies: Proxies{Forwarded: Trust{Unix: true}}})
	path := filepath.Join(t.TempDir(), "s")
	w := serveWebOn(t, s, upgrades(s, nil), func() (net.Listener, error) { return net.Listen("unix", path) })
	w.dial(t, "X-Forwarded-For: 192.0.2.1")
	if got := receive(t, seen); got.remote.String() != "192.0.2.1:0" || got.peer.IsValid() {
		t.Errorf("seen as %+v", got)
	}
}

// Many clients of one address whose ports nobody tells are in the table like others.
func TestForwarded_ClientsWithoutPorts(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Proxies: Proxies{Forwarded: here}, Limits: Limits{MaxConnectionsPerAddress: -1}})
	addr := netip.MustParseAddrPort("192.0.2.1:0")
	var in []*peer
	for range 300 {
		in = append(in, dial(t, s, "X-Forwarded-For: 192.0.2.1"))
	}
	eventually(t, "all", func() bool { return s.ClientCount() == len(in) })
	for _, p := range in {
		if c, ok := s.Client(addr); !ok || c.RemoteAddr() != addr {
			t.Fatalf("found %v", c)
		}
		p.Close()
	}
	eventually(t, "all to be gone", func() bool {
		_, found := s.Client(addr)
		return s.ClientCount() == 0 && !found
	})
}

func TestProxies_OptionsThatCannotBeMeant(t *testing.T) {
	for _, p := range []Proxies{
		{Protocol: Trust{Networks: []netip.Prefix{{}}}},
		{Forwarded: Trust{Networks: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 104)}}},
		{Forwarded: here, ForwardedField: "X Forwarded"},
		{ForwardedField: "Forwarded"},
	} {
		s := &Server{Addr: "127.0.0.1:0", Proxies: p}
		if err := s.Start(); err == nil {
			_ = s.Close()
			t.Errorf("%+v: started", p)
		}
	}
}

func TestTrust(t *testing.T) {
	trust := Trust{Networks: prefixes("10.0.0.0/8", "fe80::/10")}
	for addr, want := range map[string]bool{
		"10.255.0.1": true, "::ffff:10.0.0.1": true, "11.0.0.1": false, "fe80::1": true, "fe80::1%eth0": true, "fec0::1": false,
	} {
		if trust.has(netip.MustParseAddr(addr), true) != want {
			t.Errorf("%s: %v", addr, !want)
		}
	}
	for _, unix := range []bool{true, false} {
		if trust.has(netip.Addr{}, unix) || (&Trust{Unix: true}).has(netip.Addr{}, unix) != unix {
			t.Errorf("without an address, unix %v", unix)
		}
	}
}

// located is a transport with an address of its own.
type located struct {
	transport.Transport
	at netip.AddrPort
}

func (l located) LocalAddr() netip.AddrPort { return l.at }

// The address of a peer that is gone cannot be asked for: that makes it nobody to believe.
func TestAttackPeerThatIsGoneIsNoUnixSocket(t *testing.T) {
	for at, want := range map[string]bool{"127.0.0.1:80": false, "": true} {
		addr, _ := netip.ParseAddrPort(at)
		cl := new(tenant)
		cl.SetTransport(located{at: addr})
		if cl.IsUnix() != want {
			t.Errorf("at %q: %v", at, !want)
		}
	}
}
