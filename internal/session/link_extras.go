package session

import (
	"net/http"
	"time"
)

// extras are what few connections have: what the opening handshake left behind, where the
// program wants it, what was dropped, and what compressed messages may refer to.
type extras struct {
	drops       *drops // nil if nothing was dropped
	subprotocol string
	request     *http.Request // kept if the Open callback has asked for it
	opening     *opening      // until the Open callback has returned
	contexts    *contexts     // of compressed messages, where they are taken over
	life        *lifetime     // nil before Conn.Context was called
	timers      *timers       // nil before Conn.AfterFunc was called
	attached    *attached     // nil without attachments
	receiving   *receiving    // nil before a message came for Receive, or was asked for
	roundTrip   *roundTrip    // nil before Conn.RTT was called
	workUntil   time.Duration // when a debt is paid off that workDebt has no room for, by Loop.Now
}

// opening is what the Open callback alone may ask for, or is asked by it.
type opening struct {
	head     []byte
	callback func(*Conn) // the callback, if it is not the one configured
	asked    bool        // for the request
	ended    bool        // claimOpening has returned true
}

// claimOpening reports whether the caller must call Conn.opened. Only the first call returns true, because the Open
// callback may return while another goroutine begins to read. The connection's mu is held.
func (e *extras) claimOpening() bool {
	if e == nil || e.opening == nil || e.opening.ended {
		return false
	}
	e.opening.ended = true
	return true
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

// makeExtras is the connection's extras, made if there are none. mu is held.
func (c *link) makeExtras() *extras {
	if c.extras == nil {
		c.extras = new(extras)
	}
	return c.extras
}

// Subprotocol is the one agreed on in the opening handshake; "" if none was (RFC
// 6455 1.9).
func (c *link) Subprotocol() string {
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
func (c *link) Request() (r *http.Request, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.extras
	if x == nil {
		return nil, false
	}
	if o := x.opening; o != nil {
		o.asked = true
		if x.request == nil && o.head != nil && c.config().Request != nil {
			x.request = c.config().Request(o.head, c.RemoteAddr())
			if x.request != nil {
				x.request.TLS = c.TLS()
			}
		}
	}
	return x.request, x.request != nil
}

// SetValue keeps a value of the program's with the connection, in place of an earlier one.
func (c *link) SetValue(v any) {
	c.mu.Lock()
	c.value = v
	c.mu.Unlock()
}

// Value is what SetValue was last given; at first what was found out about the client
// during the opening handshake ([Opening].Value), and nil without that.
func (c *link) Value() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

// contexts are the connection's, made if there are none. mu is held.
func (c *link) contexts() *contexts {
	x := c.makeExtras()
	if x.contexts == nil {
		x.contexts = new(contexts)
	}
	return x.contexts
}

// dropContexts gives them back. mu is held, on the loop.
func (c *link) dropContexts() {
	if c.extras != nil && c.extras.contexts != nil {
		c.extras.contexts.in.forget()
		c.extras.contexts.out.forget()
		c.extras.contexts = nil
	}
}
