package server

import (
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/secure"
)

var _ loop.Newcomer = (*newcomer)(nil)

// newcomer is an accepted connection on its way to a loop.
type newcomer struct {
	*phases
	accepted gate.Accepted
}

// Admit implements loop.Newcomer.
func (n *newcomer) Admit() { n.seat(n.accepted) }

// TurnAway implements loop.Newcomer. A request that net/http has given up is answered.
func (n *newcomer) TurnAway() {
	l, a := n.phases, n.accepted
	l.run.refuse(ReasonDraining)
	l.run.gate.Leave(a.Remote.Addr(), a.Ticket)
	below := a.Over(new(platform.Socket), l.Buffers())
	if a.Opening != nil {
		_, _ = below.Write([][]byte{errDraining.AppendResponse(nil, l.run.kernel.Now())})
	}
	_ = below.Close()
}

// deliver gives the loop a connection, and tells whether it takes it: one that has ended
// turns it away. From any goroutine.
func (l *phases) deliver(a gate.Accepted) (taken bool) {
	l.counters.accepted.Add(1)
	return l.Deliver(&newcomer{l, a})
}

// seat takes in an accepted connection.
func (l *phases) seat(a gate.Accepted) {
	cl := new(tenant)
	cl.Socket = platform.NewSocket(a.FD)
	cl.setTicket(a.Ticket)
	phase, below := phaseRequest, a.Over(&cl.Socket, l.Buffers())
	switch {
	case l.run.proxies.Protocol.has(a.Remote.Addr(), a.Unix) && a.Opening == nil:
		below, phase = &behindProxy{below, a.TLS}, phaseProxyHeader
	case a.TLS != nil:
		below = secure.New(below, a.Remote, a.TLS, &l.reader.heads)
		phase = phaseTLS
	}
	l.Seat(&cl.Tenant, l.id, phase, below, a.Remote)
	l.Allow(&cl.Tenant, l.run.gate.Patience(a.Ticket, lingerTimeout))
	if err := l.Watch(&cl.Tenant); err != nil {
		l.run.logger.Error("framerail: cannot watch a connection", "remote", a.Remote, "error", err)
		l.run.refuse(ReasonInternal)
		l.drop(cl)
		return
	}
	if a.Opening != nil {
		l.With(&cl.Tenant, func() { l.open(cl, *a.Opening) })
		return
	}
	l.Apply(&cl.Tenant)
}
