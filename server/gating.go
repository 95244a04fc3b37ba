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
		HandshakeTimeout: r.before.HandshakeTimeout,
		TCP:              gate.TCP(s.TCP).WithDefaults(r.config.IdleTimeout > 0 || r.config.PingInterval > 0),
		CountedAs:        func(addr netip.Addr, unix bool) netip.Addr { return r.proxies.own(addr, unix, true) },
		Begin:            r.relays.Begin,
		End:              r.relays.End,
		Platform:         r.platform,
		Stopping:         r.stopping,
		Logger:           r.logger,
	}, gated{r})
}

// gated is a server's loops as its gate sees them.
type gated struct{ run *running }

var _ gate.Loops = gated{}

// Deliver implements gate.Loops, as the other methods do.
func (g gated) Deliver(a gate.Accepted) { g.run.leastLoaded().Deliver(a) }

func (g gated) Refused(a gate.Accepted, why gate.Reason) {
	g.run.leastLoaded().Counters.Accepted.Add(1)
	switch why {
	case gate.Left:
		g.run.refuse(ReasonLeft)
	case gate.TooFast:
		g.run.refuse(ReasonRate)
	default:
		g.run.Answered(a.Remote, a.Ticket.Refusal())
	}
}

func (g gated) Go(work func()) {
	g.run.onGoroutines.Begin()
	g.run.platform.Go(func() {
		defer g.run.onGoroutines.End()
		work()
	})
}
