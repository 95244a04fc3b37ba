package server

import (
	"net/http"
	"sync/atomic"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/transport"
)

// newHandover has net/http serve the server's Handler.
func newHandover(s *Server, r *running) *nethttp.Handover {
	return nethttp.NewHandover(nethttp.HandoverOptions{
		Handler:           &handed{Handler: s.Handler, srv: s, run: r, path: r.path, routes: r.routes},
		ReadHeaderTimeout: r.before.HandshakeTimeout,
		IdleTimeout:       max(r.config.IdleTimeout, 0),
		MaxHeaderBytes:    r.before.Head.HeadBytes(),
		Log:               r.sampled.Of("net/http"),
		Logger:            r.logger,
	})
}

// newHost is the server as its connections of net/http's see it.
func newHost(r *running) *nethttp.Host {
	return &nethttp.Host{Options: nethttp.Options{
		WriteTimeout: r.config.WriteTimeout,
		BodyTimeout:  r.bodyTimeout,
		CloseTimeout: r.config.CloseTimeout,
		MaxLifetime:  r.config.MaxLifetime,
		Platform:     r.platform,
		Gate:         r.gate,
		Logger:       r.logger,
		Stop:         r.stop,
		Cut:          r.cut,
		Begin:        r.relays.Begin,
		End:          r.relays.End,
	}}
}

// handover gives connections to net/http, whose requests are for the Handler.
type handover struct{ run *running }

var _ phase.Handover = handover{}

// Wants implements phase.Handover, as Take does.
func (h handover) Wants(req *handshake.Request) bool { return h.run.routes || !req.IsUpgrade() }

// Take gives a connection to net/http, which counts it until it closes it. That may be before Take
// returns.
func (h handover) Take(t *phase.Tenant, ticket gate.Ticket, head, rest []byte, count *atomic.Uint64) (below transport.Transport, ok bool) {
	sockets := h.run.platform.Sockets()
	nc, err := sockets.Lend(t.FD())
	if err != nil {
		h.run.logger.Error("framerail: cannot hand a request to net/http", "remote", t.RemoteAddr(), "error", err)
		return nil, false
	}
	if nethttp.IsTCP(nc) {
		h.run.gate.TCP().Lend(sockets, t.FD())
	}
	c := h.run.nethttp.NewConn(nc, t.RemoteAddr(), ticket, head, rest)
	below = t.Below()
	if over, secured := below.(*secure.Transport); secured {
		below = c.Secure(over, t.TLS())
	} else {
		c.State = t.TLS()
	}
	if !h.run.http.Offer(c, count) {
		c.Abort()
		return nil, false
	}
	return below, true
}

// handed is the program's Handler, but for the handshakes that come on connections which
// net/http serves: without RouteUpgrades they are the server's.
type handed struct {
	http.Handler
	srv    *Server
	run    *running
	path   string // the only one for handshakes, "" for any
	routes bool
}

func (h *handed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := nethttp.Of(r)
	if c == nil {
		h.serve(w, r)
		return
	}
	r.TLS = c.State
	if client, _ := h.run.proxies.clientOfHTTP(r, c.Remote); client != c.Remote {
		r.RemoteAddr = client.String()
	}
	c.Serve(func() { h.serve(w, r) })
}

func (h *handed) serve(w http.ResponseWriter, r *http.Request) {
	if !h.routes && handshake.IsUpgradeHTTP(r) {
		_ = h.srv.upgrade(w, r, nil, h.path) // which answers and logs
		return
	}
	h.Handler.ServeHTTP(w, r)
}
