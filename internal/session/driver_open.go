package session

import (
	"net/http"

	"github.com/framerail/framerail/frame/deflate"
)

// Opening is what the opening handshake leaves for the connection. The slices are
// valid until Open returns; it copies what it keeps.
type Opening struct {
	// Response is sent before any frame.
	Response []byte
	// Head is the request's head, for Conn.Request.
	Head []byte
	// Request is what Conn.Request gives, whatever Head is. Nil: it is made from Head.
	Request *http.Request
	// Callback runs as the Open callback, in place of the one configured. Nil: that one.
	Callback func(*Conn)
	// Rest is what had been read behind the head: the first frames.
	Rest []byte
	// Value is what Conn.Value gives at first.
	Value any
	// Limits are the connection's, as by Conn.SetLimits; they must be valid.
	Limits Limits
	// Subprotocol is the one agreed on, "" for none.
	Subprotocol string
	// Deflate is what was agreed on for compressing (RFC 7692 7.1). Nil: nothing is
	// compressed.
	Deflate *deflate.Params
}

// Open begins the conversation: it sends the response, runs the Open callback and
// takes in what had come behind the request.
func (d *Driver) Open(o Opening) {
	d.check()
	c := &d.Conn
	d.corked.Store(true)
	d.hear()
	d.sent = d.sentNow()
	d.policy().count(rareOpened, 1)
	d.policy().turn.received.Bytes += uint64(len(o.Head) + len(o.Rest))
	c.mu.Lock()
	q := c.out()
	q.main.Append(&d.loop.sends, o.Response)
	q.main.Freeze() // it is no frame
	c.value = o.Value
	if o.Limits != (Limits{}) {
		c.setLimits(o.Limits)
		c.attend &^= attendTimes // it is done here
	}
	c.state.Store(uint32(Open) | roleBits(c.role()) | uint32(agreed(o.Deflate, c.role())))
	if c.overflow.drops() {
		c.limitUnsent(c.overflow)
	}
	c.mu.Unlock()
	d.loop.host.Limited(d)
	d.setTimer()
	d.runOpen(o)
	d.receive(o.Rest)
	if d.unread() {
		d.interest |= interestUnread
	}
	d.settle()
}

// runOpen runs the Open callback here, or queues it and holds the input until it
// has run: it may set the callbacks that the first message needs.
func (d *Driver) runOpen(o Opening) {
	c := &d.Conn
	if d.flags.Load()&flagGoroutines != 0 {
		c.mu.Lock()
		c.extras = &extras{subprotocol: o.Subprotocol, request: o.Request, opening: &opening{callback: o.Callback}}
		if d.config().Request != nil && o.Request == nil {
			c.extras.opening.head = append([]byte(nil), o.Head...)
		}
		c.hold(holdOpen)
		c.mu.Unlock()
		d.post(event{kind: eventOpen})
		return
	}
	l := d.loop
	l.opening = opening{head: o.Head, callback: o.Callback}
	l.extras = extras{subprotocol: o.Subprotocol, request: o.Request, opening: &l.opening}
	c.mu.Lock()
	c.extras = &l.extras
	c.mu.Unlock()
	event{kind: eventOpen}.run(c)
}
