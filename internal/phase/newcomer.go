package phase

import (
	"sync"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/session"
)

var _ loop.Newcomer = (*newcomer)(nil)

// newcomer is an accepted connection on its way to a loop. It is used again for another, so that
// accepting leaves nothing to the garbage collector.
type newcomer struct {
	table    *Table
	accepted gate.Accepted
}

var newcomers = sync.Pool{New: func() any { return new(newcomer) }}

// arrive ends the way: n is another connection's from then on.
func (n *newcomer) arrive() (*Table, gate.Accepted) {
	l, a := n.table, n.accepted
	*n = newcomer{}
	newcomers.Put(n)
	return l, a
}

// Admit implements loop.Newcomer.
func (n *newcomer) Admit() {
	l, a := n.arrive()
	l.seat(a)
}

// TurnAway implements loop.Newcomer. It answers a request if net/http has read one already.
func (n *newcomer) TurnAway() {
	l, a := n.arrive()
	l.Report.Refused(Draining)
	l.Gate.Leave(a.Remote.Addr(), a.Ticket)
	below := a.Over(new(platform.Socket), l.Buffers())
	if a.Opening != nil {
		_, _ = below.Write([][]byte{l.turnedAway(a.Opening)})
	}
	_ = below.Close()
}

// turnedAway is what the client of a connection from net/http gets. Over HTTP/2 it has been accepted already.
func (l *Table) turnedAway(o *session.Opening) []byte {
	if o.Response != nil {
		return ErrDraining.AppendResponse(nil, l.Platform.Now())
	}
	var payload [frame.MaxControlPayload]byte
	p, _ := frame.AppendClose(payload[:0], frame.GoingAway, "") // which can be sent
	return frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: frame.Close}, p)
}

// Deliver counts an accepted connection and gives it to the loop. It reports whether the loop takes
// the connection. A loop that has ended turns it away. From any goroutine.
func (l *Table) Deliver(a gate.Accepted) (taken bool) {
	l.Counters.Accepted.Add(1)
	n := newcomers.Get().(*newcomer)
	n.table, n.accepted = l, a
	return l.Loop.Deliver(n)
}

// seat takes in an accepted connection.
func (l *Table) seat(a gate.Accepted) {
	cl := l.New()
	cl.Socket = platform.NewSocket(a.FD)
	cl.setTicket(a.Ticket)
	pool := &l.reader.heads // until the connection is open
	if a.Opening != nil {
		pool = l.Buffers()
	}
	phase, below := Request, a.Over(&cl.Socket, pool)
	switch {
	case a.Opening == nil && l.Proxies.SendHeader(a.Remote.Addr(), a.Unix):
		below, phase = &behindProxy{below, a.TLS}, ProxyHeader
	case a.TLS != nil:
		below = secure.New(below, a.Remote, a.TLS, &l.reader.heads)
		phase = TLS
	}
	l.Seat(&cl.Tenant, l.id, phase, below, a.Remote)
	l.Allow(&cl.Tenant, l.Gate.Patience(a.Ticket, lingerTimeout))
	if err := l.Watch(&cl.Tenant); err != nil {
		l.Logger.Error("framerail: cannot watch a connection", "remote", a.Remote, "error", err)
		l.Report.Refused(Failed)
		l.drop(cl)
		return
	}
	if a.Opening != nil {
		l.With(&cl.Tenant, func() { l.open(cl, *a.Opening) })
		return
	}
	l.Apply(&cl.Tenant)
}
