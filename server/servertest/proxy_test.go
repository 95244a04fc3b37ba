package servertest_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// However the network cuts the header of a proxy, and what comes behind it, the client it
// tells is heard, with TLS and without.
func TestSim_BehindAProxy(t *testing.T) {
	proxy := netip.MustParseAddrPort("10.9.0.1:40000")
	header := []byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x10\xc0\x00\x02\x01\xc6\x33\x64\x02\xdd\xd5\x01\xbb\x04\x00\x01x")
	for seed := range uint64(40) {
		srv := &server.Server{
			Logger:  slog.New(slog.DiscardHandler),
			Proxies: server.Proxies{Protocol: server.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}}},
			OnMessage: func(c *conn.Conn, m conn.Message) {
				_ = c.SendText(m.String() + " from " + c.RemoteAddr().String() + " through " + c.PeerAddr().String())
			},
		}
		if seed%2 > 0 {
			srv.TLSConfig = testcert.Config()
		}
		sim := servertest.New(seed, srv)
		sim.Faults = servertest.Faults{Cuts: 0.5, ShortReads: 0.5, Spurious: 0.1}
		c := sim.DialWith(servertest.Request{From: proxy, Before: header})
		c.SendText("hello")
		stalled := sim.DialWith(servertest.Request{From: proxy, Before: header[:20], Raw: []byte{}, Plain: true})
		sim.Settle()
		if m, ok := c.Next(); !ok || m.String() != "hello from 192.0.2.1:56789 through 10.9.0.1:40000" {
			t.Errorf("seed %d: got %q, %v", seed, m.Payload, ok)
		}
		sim.Advance(time.Minute)
		if stalled.End() == nil {
			t.Errorf("seed %d: the header that does not come is waited for", seed)
		}
		if n := srv.Stats().Refused[server.ReasonTimeout]; n != 1 {
			t.Errorf("seed %d: %d counted as late", seed, n)
		}
		if err := sim.Close(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

// Clients whose proxy tells no port have one address, and still a seed replays exactly.
func TestSim_ClientsOfOneAddressAreInOrder(t *testing.T) {
	course := func() (sum uint64, first string) {
		srv := &server.Server{
			Logger:  slog.New(slog.DiscardHandler),
			Proxies: server.Proxies{Forwarded: server.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}},
		}
		srv.OnMessage = func(c *conn.Conn, _ conn.Message) {
			one, _ := srv.Client(c.RemoteAddr())
			first = one.PeerAddr().String()
			for other := range srv.Clients() {
				_ = other.SendText("from " + first)
			}
		}
		sim := servertest.New(1, srv)
		var clients []*servertest.Client
		for range 10 {
			clients = append(clients, sim.DialWith(servertest.Request{Header: http.Header{"X-Forwarded-For": {"192.0.2.1"}}}))
			sim.Settle()
		}
		clients[0].Leave()
		clients[5].SendText("to all")
		sim.Settle()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
		return sim.Sum(), first
	}
	sum, first := course()
	if first != "10.0.0.2:40000" {
		t.Errorf("the first that is left is %v", first)
	}
	for range 10 {
		if again, other := course(); again != sum || other != first {
			t.Errorf("sum %x and first %v, then %x and %v", sum, first, again, other)
		}
	}
}
