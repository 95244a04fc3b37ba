package phase

import (
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
)

// The phases of a connection before loop.Open. Each has a file.
const (
	ProxyHeader loop.Phase = iota + 1 // the PROXY header is arriving
	TLS                               // the TLS handshake goes on
	Request                           // the request is arriving
	Check                             // the program is asked on a goroutine
	Leaving                           // the connection was refused; the peer may read its answer
)

// Table is an owner's part of one loop: its connections there before they are open. Owned by the
// loop, except methods and fields that say otherwise.
type Table struct {
	*loop.Loop
	*Options
	Counters Counters      // from any goroutine
	Account  *loop.Account // of its open connections; from any goroutine

	id       loop.OwnerID
	reader   requestReader
	tls      *tlsHandshakes
	checks   *checks
	requests *requests
}

var _ loop.Owner = (*Table)(nil)

// New enters a server's table into a loop that does not serve yet.
func New(l *loop.Loop, o *Options) *Table {
	p := &Table{Loop: l, Options: o}
	p.reader.init()
	before := unopenedRow{p}
	p.tls, p.checks = &tlsHandshakes{unopenedRow: before, next: Request}, &checks{unopenedRow: before}
	p.requests = &requests{before}
	p.id = l.Register(p, o.Session, []loop.Row{
		ProxyHeader: &proxyHeaders{before},
		TLS:         p.tls,
		Request:     p.requests,
		Check:       p.checks,
		Leaving:     &leaving{p},
	})
	p.Account = l.Account(p.id)
	return p
}

// find is the client that a token names; nil if it is gone.
func (l *Table) find(token uint64) *Tenant {
	if t := l.Find(token); t != nil {
		return tenantOf(t)
	}
	return nil
}

// short ends a client because of the memory that it holds or asks for.
func (l *Table) short(cl *Tenant) { l.Row(&cl.Tenant).Short(&cl.Tenant) }

// Opened implements loop.Owner, as the next three do.
func (l *Table) Opened(t *loop.Tenant) { l.Sessions.Opened(tenantOf(t)) }

// Closed notes the end of an open connection.
func (l *Table) Closed(t *loop.Tenant) { l.Sessions.Closed(tenantOf(t)) }

// Ended notes that the close callback has returned.
func (l *Table) Ended(t *loop.Tenant) { l.Sessions.Ended(tenantOf(t)) }

// Forgotten gives a connection's ticket back, if it has one.
func (l *Table) Forgotten(t *loop.Tenant) {
	if ticket := tenantOf(t).ticket(); ticket != gate.NoTicket {
		l.Gate.Leave(t.RemoteAddr().Addr(), ticket)
	}
}

// unopenedRow has the methods that the phases share in which a connection is neither open nor refused.
type unopenedRow struct{ *Table }

// Commanded implements loop.Row, as the next three do.
func (l unopenedRow) Commanded(t *loop.Tenant, c loop.Command) {
	if c == loop.Drain {
		l.Hasten(t, DrainGrace)
		return
	}
	l.Report.Refused(Draining)
	l.drop(tenantOf(t))
}

// Broken ends a client for which code of the program's has ended the loop's goroutine. No code is meant
// to be called here, but a Logger may be.
func (l unopenedRow) Broken(t *loop.Tenant) {
	l.Report.Refused(Failed)
	l.drop(tenantOf(t))
}

// Short closes the connection without an answer. The client has not asked for one yet, or the answer would keep the
// memory.
func (l unopenedRow) Short(t *loop.Tenant) {
	l.Report.Refused(NoMemory)
	l.Logger.Info("framerail: connection refused: buffers are short", "remote", t.RemoteAddr())
	l.dropForMemory(tenantOf(t))
}

// Step is the step for HandshakeTimeout.
func (l unopenedRow) Step(*loop.Tenant) time.Duration { return loop.StepOf(l.HandshakeTimeout) }
