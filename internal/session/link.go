package session

import (
	"crypto/tls"
	"net/netip"
	"sync/atomic"

	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/transport"
)

// link is what every part of a connection needs: its loop and its transport, its addresses,
// the terms it goes by, where it stands in its life, and the lock that guards it.
type link struct {
	loop      *Loop
	transport transport.Transport
	addr      netip.Addr // the peer's, with port: an AddrPort would waste six bytes

	terms atomic.Pointer[terms] // set under mu
	state atomic.Uint32         // the State and, above it, the agreement; set under mu

	// corked is true while the loop is at work on this connection and will flush
	// it when done: a send need not ask it to.
	corked atomic.Bool
	// flags are why the peer is not read from, and whether callbacks are queued. Set and
	// cleared under mu, read without it.
	flags    atomic.Uint32
	port     uint16
	overflow Overflow  // guarded by mu; sending's, here where small fields share a word
	attend   attention // guarded by mu: what the loop is to look at

	mu guard.ConnMutex

	extras *extras // guarded by mu; nil for a connection that has none
	value  any     // guarded by mu: the program's
}

// State is where the connection stands in its life.
func (c *link) State() State { return State(c.state.Load() & stateBits) }

// setState goes on to a later State. mu is held.
func (c *link) setState(s State) { c.state.Store(c.state.Load()&^stateBits | uint32(s)) }

// RemoteAddr is the client's address, without an IPv4-mapped prefix. If the peer is a trusted proxy, it is
// the address that the proxy gave, with port 0 if it gave none. Zero over a unix socket. It stays known
// after the close.
func (c *link) RemoteAddr() netip.AddrPort { return netip.AddrPortFrom(c.addr, c.port) }

// PeerAddr is the address of the socket's other end: RemoteAddr, but for a client behind a
// proxy that is believed, where it is the proxy's. Zero over a unix socket, and once the
// connection is closed or the peer gone.
func (c *link) PeerAddr() netip.AddrPort {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() == Closed {
		return netip.AddrPort{}
	}
	if p, ok := c.transport.(transport.Peered); ok {
		return p.PeerAddr()
	}
	return c.RemoteAddr()
}

// LocalAddr is this side's address; zero over a unix socket and once the
// connection is closed.
func (c *link) LocalAddr() netip.AddrPort {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() == Closed {
		return netip.AddrPort{}
	}
	return c.transport.LocalAddr()
}

// unread tells whether the transport may have more at hand, of which no poller will tell. On the
// loop.
func (c *link) unread() bool {
	h, ok := c.transport.(transport.Holder)
	return ok && h.Unread()
}

// TLS is the state of TLS below the connection: version, server name, the client's
// certificates. It is made anew by each call, and stays known after the close. Nil: the
// connection is plain.
func (c *link) TLS() *tls.ConnectionState {
	s, ok := c.transport.(secured)
	if !ok {
		return nil
	}
	state, ok := s.ConnectionState()
	if !ok {
		return nil
	}
	return &state
}

// secured is a transport that is TLS.
type secured interface {
	// ConnectionState is what was agreed on; false if that is nothing yet. From any
	// goroutine.
	ConnectionState() (tls.ConnectionState, bool)
}

// The flags of a connection. The hold bits are why a peer is not read from.
const (
	holdOpen    = 1 << iota // the Open callback has not returned
	holdQueue               // the callback queue is full
	holdPending             // it does not read what it causes to be sent
	holdWork                // compression takes too much for it
	holdReceive             // too many messages wait for Receive
	// flagQueued is set while the connection's goroutine has the inbox: callbacks must go
	// through it.
	flagQueued
	// flagGoroutines is set from the beginning if callbacks run on goroutines.
	flagGoroutines
	// flagReads is set once the program has called Receive or asked for it.
	flagReads
	// flagMeasures is set once the program has asked for the round trip.
	flagMeasures
	// flagAdaptive is set beside flagGoroutines if Message callbacks may run on the loop.
	flagAdaptive

	holdAny = flagQueued - 1
)

// attention is why a loop is asked to attend to a connection.
type attention uint8

const (
	attendInterest attention = 1 << iota // sending has changed what is to be waited for
	attendTimer                          // something may be due earlier than the timer is set for
	attendIdle                           // the idle timeout has changed
	attendLifetime                       // the lifetime has
	attendClosing                        // the close timeout has
	attendFuncs                          // functions wait for the loop, or an inbox is parked; set until none does
	attendDrained                        // the socket took all after refusing some
	attendAsked                          // no reason by itself: the loop has been asked already

	attendTimes = attendTimer | attendIdle | attendLifetime | attendClosing
)

// hold and release set and clear reasons not to read from the peer. mu is held.
func (c *link) hold(why uint32) { c.flags.Store(c.flags.Load() | why) }

func (c *link) release(why uint32) { c.flags.Store(c.flags.Load() &^ why) }

// held tells whether there are any. From any goroutine.
func (c *link) held() bool { return c.flags.Load()&holdAny != 0 }

// queued tells whether the connection's goroutine has the inbox, which callbacks must go
// through then. From any goroutine.
func (c *link) queued() bool { return c.flags.Load()&flagQueued != 0 }

// inline tells whether callbacks run on the loop now: not if the program wants
// goroutines, nor while one is still at work on what came before.
func (c *link) inline() bool {
	return c.flags.Load()&(flagQueued|flagGoroutines) == 0
}

// wake tells whether the loop must be asked to attend to the connection: not if
// it is at work on it, or has been asked. mu is held; a true result obliges the
// caller to call Host.Schedule once it has let go of mu.
func (c *link) wake() bool {
	if c.corked.Load() || c.attend&attendAsked != 0 {
		return false
	}
	c.attend |= attendAsked
	return true
}
