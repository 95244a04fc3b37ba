package server

import (
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
)

var _ loop.Newcomer = (*newcomer)(nil)

// newcomer is an accepted connection on its way to a loop.
type newcomer struct {
	*phases
	accepted gate.Accepted
}

// Admit implements loop.Newcomer.
func (n *newcomer) Admit() { n.admit(n.accepted) }

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
	l.tally.accepted.Add(1)
	return l.Deliver(&newcomer{l, a})
}
