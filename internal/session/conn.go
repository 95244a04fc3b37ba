package session

import (
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/transport"
)

// Conn is one WebSocket connection, as any goroutine sees it. Every method may be called
// from any goroutine, and none of them blocks but SendAsWait. What belongs to the loop alone
// is in the Driver that the Conn lies in: no method of Conn reaches it.
type Conn struct {
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
	overflow Overflow  // guarded by mu
	attend   attention // guarded by mu: what the loop is to look at

	mu guard.ConnMutex

	// Guarded by mu. All are nil while the connection is idle.
	tx     *queue
	in     *inbox
	end    *ending
	extras *extras
	value  any
}

// Driver is a connection as the loop that owns it sees it: the methods by which events
// reach it. All are called on the loop's goroutine. The fields beside Conn are the loop's.
type Driver struct {
	Conn

	rx          *receiver
	id          int32
	heard       uint32 // the stamp of the peer's last sign of life or, once endTimed, of that
	messageDebt uint32 // see rate.go
	controlDebt uint16
	input       input
	interest    interest
	sent        uint8 // when the loop last sent something: see sentNow
	workDebt    uint8 // what compression took, in ms: see work.go
}

// The flags of a connection. The hold bits are why a peer is not read from.
const (
	holdOpen    = 1 << iota // the Open callback has not returned
	holdQueue               // the callback queue is full
	holdPending             // it does not read what it causes to be sent
	holdWork                // compression takes too much for it
	// flagQueued is set while the connection's goroutine has the inbox: callbacks must go
	// through it.
	flagQueued
	// flagGoroutines is set from the beginning if callbacks run on goroutines.
	flagGoroutines

	holdAny = flagQueued - 1
)

// attention is why a loop is asked to attend to a connection.
type attention uint8

const (
	attendInterest attention = 1 << iota // sending has changed what is to be waited for
	attendTimer                          // something may be due earlier than the timer is set for
	attendIdle                           // the idle timeout has changed
	attendLifetime                       // the lifetime has
	attendFuncs                          // functions wait for the loop; set until none does
	attendDrained                        // the socket took all after refusing some
	attendAsked                          // no reason by itself: the loop has been asked already

	attendTimes = attendTimer | attendIdle | attendLifetime
)

// input is what the loop does with bytes that arrive.
type input uint8

const (
	inputFrames  input = iota // parse them
	inputDiscard              // read and drop them: the connection has failed
	inputDone                 // read no more: the stream or the conversation has ended
)

// interest is which readiness of the transport the loop was last asked to tell.
type interest uint8

const (
	interestRead interest = 1 << iota
	interestWrite
	// interestUnread is kept with them, though no poller is asked: the transport may
	// have more at hand.
	interestUnread
	// endTimed and pinged are kept there, too: the close timeout is running, and a
	// heartbeat is out.
	endTimed
	pinged
)

// extras are what few connections have: what the opening handshake left behind, where the
// program wants it, what was dropped, and what compressed messages may refer to.
type extras struct {
	drops       drops
	subprotocol string
	request     *http.Request // kept if the Open callback has asked for it
	opening     *opening      // until the Open callback has returned
	contexts    *contexts     // of compressed messages, where they are taken over
	life        *lifetime     // nil before Conn.Context was called
	timers      *timers       // nil before Conn.AfterFunc was called
	workUntil   time.Duration // when a debt is paid off that workDebt has no room for, by Loop.Now
}

// opening is what the Open callback alone may ask for, or is asked by it.
type opening struct {
	head     []byte
	callback func(*Conn) // the callback, if it is not the one configured
	asked    bool        // for the request
}

// makeExtras is the connection's extras, made if there are none. mu is held.
func (c *Conn) makeExtras() *extras {
	if c.extras == nil {
		c.extras = new(extras)
	}
	return c.extras
}

// kept is what remains of the handshake once the Open callback has returned.
func (e *extras) kept() *extras {
	k := *e
	k.opening = nil
	if !e.opening.asked {
		k.request = nil
	}
	if k == (extras{}) {
		return nil
	}
	kept := k
	return &kept
}

// State is where the connection stands in its life.
func (c *Conn) State() State { return State(c.state.Load() & stateBits) }

// setState goes on to a later State. mu is held.
func (c *Conn) setState(s State) { c.state.Store(c.state.Load()&^stateBits | uint32(s)) }

// RemoteAddr is the client's address, without an IPv4-mapped prefix. If the peer is a trusted proxy, it is
// the address that the proxy gave, with port 0 if it gave none. Zero over a unix socket. It stays known
// after the close.
func (c *Conn) RemoteAddr() netip.AddrPort { return netip.AddrPortFrom(c.addr, c.port) }

// PeerAddr is the address of the socket's other end: RemoteAddr, but for a client behind a
// proxy that is believed, where it is the proxy's. Zero over a unix socket, and once the
// connection is closed or the peer gone.
func (c *Conn) PeerAddr() netip.AddrPort {
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
func (c *Conn) LocalAddr() netip.AddrPort {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() == Closed {
		return netip.AddrPort{}
	}
	return c.transport.LocalAddr()
}

// Subprotocol is the one agreed on in the opening handshake; "" if none was (RFC
// 6455 1.9).
func (c *Conn) Subprotocol() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extras == nil {
		return ""
	}
	return c.extras.subprotocol
}

// Request is the request of the opening handshake: path, query, headers, cookies. It must
// first be asked for in the Open callback, where ok is true; then it is kept, and given at
// any time later. Otherwise nothing is kept, so that an idle connection stays small: r is
// nil and ok is false. What is worth keeping of it is better kept with SetValue.
func (c *Conn) Request() (r *http.Request, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.extras
	if in == nil {
		return nil, false
	}
	if o := in.opening; o != nil {
		o.asked = true
		if in.request == nil && o.head != nil && c.config().Request != nil {
			in.request = c.config().Request(o.head, c.RemoteAddr())
			if in.request != nil {
				in.request.TLS = c.TLS()
			}
		}
	}
	return in.request, in.request != nil
}

// SetValue keeps a value of the program's with the connection, in place of an earlier one.
func (c *Conn) SetValue(v any) {
	c.mu.Lock()
	c.value = v
	c.mu.Unlock()
}

// Value is what SetValue was last given; at first what was found out about the client
// during the opening handshake ([Opening].Value), and nil without that.
func (c *Conn) Value() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

// Pending is how many bytes of frames wait for the socket.
func (c *Conn) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tx == nil {
		return 0
	}
	return c.tx.pending()
}
