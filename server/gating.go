package server

import (
	"cmp"
	"net/netip"

	"github.com/framerail/framerail/internal/gate"
)

// newGate is the gate to the loops of a server that starts.
func newGate(s *Server, r *running) *gate.Gate {
	return gate.New(gate.Options{
		MaxConnections:   s.MaxConnections,
		MaxPerAddress:    s.MaxConnectionsPerAddress,
		PerSecond:        cmp.Or(s.HandshakesPerSecond, defaultHandshakesPerSecond),
		HandshakeTimeout: r.handshakeTimeout,
		TCP:              gate.TCP(s.TCP).WithDefaults(r.config.IdleTimeout > 0 || r.config.PingInterval > 0),
		CountedAs:        func(addr netip.Addr, unix bool) netip.Addr { return r.proxies.own(addr, unix, true) },
		Platform:         r.kernel,
		Stopping:         r.stopping,
		Logger:           r.logger,
	}, gated{r})
}

// gated is a server's loops as its gate sees them.
type gated struct{ run *running }

var _ gate.Loops = gated{}

// Deliver implements gate.Loops, as the other methods do.
func (g gated) Deliver(a gate.Accepted) { g.run.leastLoaded().deliver(a) }

func (g gated) Refused(a gate.Accepted, why gate.Reason) {
	g.run.leastLoaded().counters.accepted.Add(1)
	switch why {
	case gate.Left:
		g.run.refuse(ReasonLeft)
	case gate.TooFast:
		g.run.refuse(ReasonRate)
	default:
		refusal := a.Ticket.Refusal()
		g.run.logRefusal(a.Remote, refusal)
		g.run.refuse(reasonOf(refusal))
	}
}

func (g gated) Go(work func()) {
	g.run.onGoroutines.begin()
	g.run.kernel.Go(func() {
		defer g.run.onGoroutines.end()
		work()
	})
}
