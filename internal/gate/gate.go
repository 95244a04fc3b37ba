// Package gate accepts connections and lets them in. An [Acceptor] accepts from one
// listener. A [Gate] gives each connection a [Ticket] by the limits on connections, has it
// wait for the rate of handshakes, and delivers it to an event loop.
package gate

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// Loops are the event loops behind a Gate. All methods are safe from any goroutine.
type Loops interface {
	// Deliver gives a connection to the loop with the fewest.
	Deliver(a Accepted)
	// Refused counts and logs a connection that no loop gets. The Gate closes it then.
	Refused(a Accepted, why Reason)
	// Go runs work beside its caller. The end of a server waits for it.
	Go(work func())
}

// Reason is why a connection gets to no loop.
type Reason uint8

const (
	// Left: its peer has closed it.
	Left Reason = iota
	// TooFast: too many wait for the rate of handshakes, most of them from its address.
	TooFast
	// Excess: there are too many connections, as its ticket says.
	Excess
)

// Options are what a Gate goes by.
type Options struct {
	// MaxConnections and MaxPerAddress are for Admission.Init.
	MaxConnections, MaxPerAddress int
	// PerSecond is the rate of handshakes. 0 or less: no limit.
	PerSecond int
	// HandshakeTimeout is how long a connection may take for its request.
	HandshakeTimeout time.Duration
	TCP              TCP

	// CountedAs is the address by which a connection from addr is counted before its peer
	// has sent anything: none for a proxy.
	CountedAs func(addr netip.Addr, unix bool) netip.Addr

	Platform platform.Platform
	Stopping <-chan struct{} // closed when the server is told to stop
	Logger   *slog.Logger
}

// Gate lets connections in. Safe from any goroutine.
type Gate struct {
	Admission
	options Options
	loops   Loops
	queue   queue
	paced   atomic.Uint64
	answers Pacer // to connections beyond the limits
	secured Pacer // the same over TLS, where an answer takes a handshake
}

const (
	// answersShare is the part of PerSecond, at least answersMin, that is answered beyond the
	// limits; other connections are closed.
	answersShare = 10
	answersMin   = 100
	// securedPerSecond is how many of those a second are answered over TLS, where the answer
	// comes behind a handshake: a flood beyond the limits is to cost no more of these,
	// which take a millisecond each with an RSA key. Others are closed before it.
	securedPerSecond = 100
)

// New is a gate to loops.
func New(o Options, loops Loops) *Gate {
	g := &Gate{options: o, loops: loops}
	g.Admission.Init(o.MaxConnections, o.MaxPerAddress, o.Platform.Sockets())
	g.queue.init(g, o.PerSecond)
	if o.PerSecond > 0 {
		g.answers.Init(max(o.PerSecond/answersShare, answersMin))
	}
	g.secured.Init(securedPerSecond)
	return g
}

// TCP is the options of sockets.
func (g *Gate) TCP() *TCP { return &g.options.TCP }

// Paced is how many connections have waited for the rate of handshakes.
func (g *Gate) Paced() uint64 { return g.paced.Load() }

// Admit gives an accepted connection a ticket, and lets it in or closes it.
func (g *Gate) Admit(a Accepted) {
	a.Ticket = g.Enter(g.options.CountedAs(a.Remote.Addr(), a.Unix))
	if a.TLS != nil {
		a.Ticket = g.BeforeTLS(a.Ticket)
	}
	if a.Ticket.Refusal() != nil && !g.answers.Take(g.options.Platform.Now()) {
		a.Ticket = g.unanswered(a.Ticket)
	}
	switch a.Ticket {
	case ClosedTotal, ClosedAddress:
		g.turnAway(a, Excess)
	case ExcessTotal, ExcessAddress: // which others do not wait for
		g.loops.Deliver(a)
	default:
		g.queue.enter(a)
	}
}

// unanswered takes a connection out that was to be answered, and is its ticket then.
func (g *Gate) unanswered(t Ticket) Ticket {
	g.Leave(netip.Addr{}, t) // which counts by no address
	return t.closed()
}

// BeforeTLS is the ticket of a connection that is answered behind a TLS handshake if at all.
func (g *Gate) BeforeTLS(t Ticket) Ticket {
	if !t.isAnswered() || g.MayAnswerTLS(g.options.Platform.Now()) {
		return t
	}
	return g.unanswered(t)
}

// MayAnswerTLS counts a client beyond the limits that is answered over TLS, and tells whether
// it may be.
func (g *Gate) MayAnswerTLS(now time.Time) bool { return g.secured.Take(now) }

// Patience is how long a connection may take for its request. One that is not admitted
// holds the place of another.
func (g *Gate) Patience(t Ticket, linger time.Duration) time.Duration {
	if t.Refusal() != nil {
		return min(g.options.HandshakeTimeout, linger)
	}
	return g.options.HandshakeTimeout
}

// turnAway closes a connection that no loop gets.
func (g *Gate) turnAway(a Accepted, why Reason) {
	g.loops.Refused(a, why)
	g.Leave(a.Remote.Addr(), a.Ticket)
	_ = a.Close()
}

// Open delivers all connections that wait, and has none wait from now on: the server ends,
// and each that was accepted is answered.
func (g *Gate) Open() { g.queue.end() }
