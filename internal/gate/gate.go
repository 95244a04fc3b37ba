// Package gate listens, accepts connections and admits them. An [Acceptor] accepts from one listener. A [Gate]
// counts each connection against the limits, and gives it a [Ticket] that says how it is counted. The
// Gate lets the connection wait for the rate of handshakes, and delivers it to an event loop.
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

// Reason says why a connection reaches no loop.
type Reason uint8

const (
	// Left: the peer has closed it.
	Left Reason = iota
	// TooFast: too many connections wait for the rate of handshakes, most of them from this address.
	TooFast
	// Excess: there are too many connections, as its ticket says.
	Excess
)

// Options are the options of a Gate.
type Options struct {
	// MaxConnections and MaxPerAddress are for Admission.Init.
	MaxConnections, MaxPerAddress int
	// PerSecond is the rate of handshakes. 0 or less: no limit.
	PerSecond int
	// HandshakeTimeout is how long a connection may take for its request.
	HandshakeTimeout time.Duration
	TCP              TCP

	// CountedAs returns the address by which a new connection from addr is counted. It is none for a
	// proxy, whose client is not known yet.
	CountedAs func(addr netip.Addr, unix bool) netip.Addr

	// Begin and End are called for each connection whose bytes goroutines carry.
	Begin, End func()

	Platform platform.Platform
	Stopping <-chan struct{} // closed when the server is told to stop
	Logger   *slog.Logger
}

// Gate admits connections. Safe from any goroutine.
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
	// answersShare is the part of PerSecond, at least answersMin, of connections beyond the limits that
	// are answered. The others are closed.
	answersShare = 10
	answersMin   = 100
	// securedPerSecond is how many connections beyond the limits are answered over TLS in a second. The
	// answer needs a TLS handshake, which takes a millisecond with an RSA key. A flood may cost no
	// more of them, so the others are closed before it.
	securedPerSecond = 100
)

// New makes a gate to loops.
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

// TCP returns the options of TCP sockets.
func (g *Gate) TCP() *TCP { return &g.options.TCP }

// Paced counts connections that have waited for the rate of handshakes.
func (g *Gate) Paced() uint64 { return g.paced.Load() }

// Admit counts an accepted connection, and delivers it to a loop or closes it.
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

// unanswered takes out a connection that was to be answered, and returns its new ticket.
func (g *Gate) unanswered(t Ticket) Ticket {
	g.Leave(netip.Addr{}, t) // which counts by no address
	return t.closed()
}

// BeforeTLS returns the ticket of a connection that could be answered only after a TLS handshake.
func (g *Gate) BeforeTLS(t Ticket) Ticket {
	if !t.isAnswered() || g.MayAnswerTLS(g.options.Platform.Now()) {
		return t
	}
	return g.unanswered(t)
}

// MayAnswerTLS reports whether one more connection beyond the limits may be answered over TLS, and counts
// it.
func (g *Gate) MayAnswerTLS(now time.Time) bool { return g.secured.Take(now) }

// Patience is how long a connection may take for its request. A connection that is not admitted gets less,
// because it holds the place of another.
func (g *Gate) Patience(t Ticket, linger time.Duration) time.Duration {
	if t.Refusal() != nil {
		return min(g.options.HandshakeTimeout, linger)
	}
	return g.options.HandshakeTimeout
}

// turnAway closes a connection that reaches no loop.
func (g *Gate) turnAway(a Accepted, why Reason) {
	g.loops.Refused(a, why)
	g.Leave(a.Remote.Addr(), a.Ticket)
	_ = a.Close()
}

// Open delivers all waiting connections, and lets none wait from now on. A server that ends answers each
// accepted connection.
func (g *Gate) Open() { g.queue.end() }
