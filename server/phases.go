package server

import (
	"time"

	"github.com/framerail/framerail/internal/loop"
)

// The phases of a server's connections before loop.Open.
const (
	phaseProxyHeader loop.Phase = iota + 1 // the PROXY header is arriving
	phaseTLS                               // the TLS handshake goes on
	phaseRequest                           // the request is arriving
	phaseCheck                             // the program is asked on a goroutine
	phaseLeaving                           // the connection was refused; the peer may read its answer
	phaseCount
)

// phases is a server's part of one loop: its connections there, before they are open. Owned by the loop,
// except fields that say otherwise.
type phases struct {
	*loop.Loop
	srv *Server
	run *running
	id  loop.OwnerID

	reader   requestReader
	tls      *tlsHandshakes
	checks   *checks
	requests *requests
	counters counters // from any goroutine
}

func newPhases(s *Server, r *running, l *loop.Loop) *phases {
	p := &phases{Loop: l, srv: s, run: r}
	p.reader.init()
	before := unopenedRow{p}
	p.tls, p.checks = &tlsHandshakes{unopenedRow: before}, &checks{unopenedRow: before}
	p.requests = &requests{before}
	p.id = l.Register(p, &r.config, []loop.Row{
		phaseProxyHeader: &proxyHeaders{before},
		phaseTLS:         p.tls,
		phaseRequest:     p.requests,
		phaseCheck:       p.checks,
		phaseLeaving:     &leaving{p},
	})
	return p
}

// find is the client that a token names; nil if it is gone.
func (l *phases) find(token uint64) *tenant {
	if t := l.Find(token); t != nil {
		return tenantOf(t)
	}
	return nil
}

// each calls f for every client.
func (l *phases) each(f func(*tenant)) { l.Each(func(t *loop.Tenant) { f(tenantOf(t)) }) }

// short ends a client for the memory that it holds, or wants.
func (l *phases) short(cl *tenant) { l.Row(&cl.Tenant).Short(&cl.Tenant) }

// Opened implements loop.Owner.
func (l *phases) Opened(t *loop.Tenant) { l.srv.clients.add(tenantOf(t)) }

// Closed implements loop.Owner.
func (l *phases) Closed(t *loop.Tenant) {
	l.srv.clients.remove(tenantOf(t))
	l.srv.sessions.closed(t.CloseInfo())
}

// Ended implements loop.Owner.
func (l *phases) Ended(*loop.Tenant) { l.srv.sessions.end() }

// Forgotten implements loop.Owner.
func (l *phases) Forgotten(t *loop.Tenant) {
	l.run.gate.Leave(t.RemoteAddr().Addr(), tenantOf(t).ticket())
}

// unopenedRow is what the phases before the connection is open, or refused, have in common.
type unopenedRow struct{ *phases }

// Commanded implements loop.Row, as the next three do.
func (l unopenedRow) Commanded(t *loop.Tenant, c loop.Command) {
	if c == loop.Drain {
		l.Hasten(t, drainGrace)
		return
	}
	l.run.refuse(ReasonDraining)
	l.drop(tenantOf(t))
}

// Broken is for code of the program's that is not meant to be called here, such as a Logger.
func (l unopenedRow) Broken(t *loop.Tenant) {
	l.run.refuse(ReasonInternal)
	l.drop(tenantOf(t))
}

// Short says nothing to the peer, since HTTP is not spoken yet.
func (l unopenedRow) Short(t *loop.Tenant) {
	l.run.refuse(ReasonMemory)
	l.run.logger.Info("framerail: connection refused: buffers are short", "remote", t.RemoteAddr())
	l.drop(tenantOf(t))
}

// Step is that of HandshakeTimeout.
func (l unopenedRow) Step(*loop.Tenant) time.Duration { return loop.StepOf(l.run.handshakeTimeout) }
