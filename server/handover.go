package server

import (
	"net/http"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/nethttp"
)

// newHandover has net/http serve the server's Handler.
func newHandover(s *Server, r *running) *nethttp.Handover {
	return nethttp.NewHandover(nethttp.HandoverOptions{
		Handler:           &handed{Handler: s.Handler, srv: s, run: r, path: r.path, routes: r.routes},
		ReadHeaderTimeout: r.handshakeTimeout,
		IdleTimeout:       max(r.config.IdleTimeout, 0),
		MaxHeaderBytes:    r.head.HeadBytes(),
		Log:               r.sampled.of("net/http"),
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
		Platform:     r.kernel,
		Gate:         r.gate,
		Logger:       r.logger,
		Stop:         r.stop,
		Cut:          r.cut,
		Begin:        r.bridges.begin,
		End:          r.bridges.end,
	}}
}

// handOver gives a client's connection to net/http and forgets it. The reader has its
// request.
func (l *phases) handOver(cl *tenant, head, rest []byte) {
	nc, err := l.run.kernel.Sockets().Lend(cl.FD())
	if err != nil {
		l.run.logger.Error("framerail: cannot hand a request to net/http", "remote", cl.RemoteAddr(), "error", err)
		l.refuseRequest(cl, &l.reader.req, handshake.Unavailable(1))
		return
	}
	if nethttp.IsTCP(nc) {
		l.run.gate.TCP().Lend(l.run.kernel.Sockets(), cl.FD())
	}
	handed := l.run.nethttp.NewConn(nc, cl.RemoteAddr(), cl.ticket(), head, rest)
	// Counted until net/http closes it, which may be before Offer returns.
	cl.setTicket(gate.NoTicket)
	below := cl.Below()
	if t := cl.tls(); t != nil {
		below = handed.Secure(t, cl.TLS())
	}
	ticket := handed.Ticket
	if !l.run.http.Offer(handed, &l.counters.handedOver) {
		cl.setTicket(ticket)
		handed.Abort()
		l.refuseRequest(cl, &l.reader.req, handshake.Unavailable(1))
		return
	}
	cl.releaseHead()
	l.Forget(&cl.Tenant)
	_ = below.Close() // the net.Conn has a descriptor of its own
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
