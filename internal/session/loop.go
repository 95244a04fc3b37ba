package session

import (
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/session/sendq"
	"github.com/framerail/framerail/internal/transport"
)

// ReadSize is the size of a loop's read buffer in bytes, shared by all of its
// connections. A read that fills it is followed by another.
const ReadSize = 64 << 10

// Host is the event loop as its connections see it.
type Host interface {
	// Schedule asks the loop to call the Attend of c's Driver soon. From any goroutine.
	Schedule(c *Conn)
	// SetInterest says which readiness to report from now on. On the loop.
	SetInterest(d *Driver, read, write bool)
	// SetTimer asks for d.Expire once that much time has passed, in place of an
	// earlier wish; there is one timer for each connection. On the loop.
	SetTimer(d *Driver, after time.Duration)
	// Limited tells, once when the connection opens and then whenever it has changed,
	// how long the connection may live: its Limits have MaxLifetime. On the loop.
	Limited(d *Driver)
	// Opened tells that the Open callback has returned. On the callback's goroutine.
	Opened(c *Conn)
	// Closed tells that the connection is closed: the loop forgets d, its interest
	// and its timer. The transport is closed right after it. On the loop.
	Closed(d *Driver)
	// Ended tells that the Close callback has returned: nothing more will run.
	// On the callback's goroutine.
	Ended(c *Conn)
}

// Loop is what the connections of one event loop share: buffers and the time. The methods
// of their Drivers are called on one goroutine.
type Loop struct {
	owner guard.Goroutine // the one that runs the loop
	host  Host

	// Now is the time since a moment of the owner's choice, as of this turn. The
	// owner sets it; timeouts are only as fine as it is.
	Now time.Duration

	// Clock is the time by which Now is set, from any goroutine. The owner sets it before the
	// first connection. Nil: Now.
	Clock func() time.Duration

	// Short tells whether buffers are so short that a message in progress must not grow:
	// then it is neither read on nor inflated in this turn, and the poller, or
	// Host.Schedule, brings the loop back to it in the next. On the loop. The owner sets it
	// before the first connection. Nil: they never are.
	Short func() bool

	afterFuncs atomic.Int64 // functions that wait for their time

	executor

	shared sharedCounters
	pool   buffer.Pool
	sends  sendq.Store // what queues take their memory from
	queues buffer.Structs[queue]

	// Owned by the loop.
	readBuf   []byte
	spare     *receiver // at rest; lent to the connection being read
	receivers sync.Pool // *receiver, those given back beyond the spare one

	inflating
	asleep atomic.Bool // the loop waits for its poller: see onloop.go

	turn turnCounters

	// Lent to the connection whose Open callback runs.
	extras  extras
	opening opening
}

// NewLoop is a loop's shared part.
func NewLoop(host Host) *Loop {
	l := &Loop{host: host, readBuf: make([]byte, ReadSize)}
	l.sends.Pool = &l.pool
	l.queues.Init(&l.pool, newQueue)
	return l
}

// Lent is how many pooled buffers the loop's connections hold, and their bytes. Idle connections hold only
// the contexts of compression. From any goroutine.
func (l *Loop) Lent() (buffers, bytes int64) { return l.pool.Lent() }

// Buffers is the pool of the loop's connections.
func (l *Loop) Buffers() *buffer.Pool { return &l.pool }

// Init readies a zero connection of loop l, which goes by p: so a loop may have connections
// of servers and of clients. The id is the loop's own number for it.
func (d *Driver) Init(l *Loop, p *Policy, id int, t transport.Transport, remote netip.AddrPort) {
	d.loop, d.id = l, int32(id)
	d.check()
	d.SetTransport(t)
	d.SetRemoteAddr(remote)
	d.terms.Store(&p.limits.terms)
	d.state.Store(roleBits(p.config.Role))
	if p.config.Dispatch == OnGoroutines {
		d.flags.Store(flagGoroutines)
	}
	d.interest = interestRead
	d.overflow = p.config.Overflow
}

// SetTransport and SetRemoteAddr change arguments of Init. Before Open.
func (d *Driver) SetTransport(t transport.Transport) {
	d.check()
	d.transport = t
}

// SetRemoteAddr changes the address of the client. See SetTransport.
func (d *Driver) SetRemoteAddr(remote netip.AddrPort) {
	d.check()
	d.addr, d.port = remote.Addr(), remote.Port()
}

// Transport is what lies below the connection; for its loop alone, and until Open.
func (d *Driver) Transport() transport.Transport {
	d.check()
	return d.transport
}

// ID is the loop's number for the connection.
func (d *Driver) ID() int { return int(d.id) }

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
	d.loop.count(rareOpened, 1)
	d.loop.turn.received.Bytes += uint64(len(o.Head) + len(o.Rest))
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
	d.noteUnread()
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
		c.post(event{kind: eventOpen})
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

// Readable tells that the transport has bytes, or has ended.
func (d *Driver) Readable() {
	d.check()
	if d.resting() {
		return
	}
	d.corked.Store(true)
	d.read()
	d.settle()
}

// Writable tells that the transport takes bytes again.
func (d *Driver) Writable() {
	d.check()
	d.mu.Lock()
	if d.tx != nil {
		d.tx.blocked = false
	}
	d.mu.Unlock()
	d.settle()
}

// Attend does what was asked for by Host.Schedule.
func (d *Driver) Attend() {
	d.check()
	if d.interest&interestUnread != 0 {
		d.corked.Store(true)
		d.read()
	}
	d.settle()
}

// Abort cuts the connection at once. The close callback gets err; nil means ErrAborted. On a closed
// connection it does nothing.
func (d *Driver) Abort(err error) {
	d.check()
	if err == nil {
		err = ErrAborted
	}
	d.abort(Local, err)
	d.settle()
}

// abort has the next settle close the transport, whatever is still to be waited for.
func (d *Driver) abort(by Side, err error) {
	c := &d.Conn
	c.mu.Lock()
	if c.State() != Closed {
		c.ending(by, err).abort = true
	}
	c.mu.Unlock()
}

// abortOver is abort for a peer that has had its time for what was sent.
func (d *Driver) abortOver(by Side, err error) {
	c := &d.Conn
	c.mu.Lock()
	if c.State() != Closed {
		e := c.ending(by, err)
		e.abort, e.over = true, true
	}
	c.mu.Unlock()
}

// settle brings the connection to rest after any event: it writes what is
// pending, goes a step further in closing, reads on if that was held up and no
// longer is, and tells the loop what to wait for.
func (d *Driver) settle() {
	d.check()
	if d.rest() {
		d.runFuncs()
		if d.rest() {
			d.comeBack() // for those that came meanwhile, after the others' turn
		}
	}
	d.loop.endTurn()
}

// rest is settle without functions of the program's. It reports whether some wait for the loop.
func (d *Driver) rest() (funcs bool) {
	c := &d.Conn
	for c.State() != Closed {
		// A send that finds the cork in place leaves the flushing to what follows.
		d.corked.Store(false)
		c.mu.Lock()
		c.attend &^= attendAsked
		if d.flushTurn() {
			d.hear() // a peer that takes bytes is not silent
		}
		changed, closing := c.attend, c.end
		c.attend = changed & attendFuncs
		finish := closing != nil && closing.step(c)
		blocked, arm := false, false
		if q := c.tx; q != nil {
			blocked = q.blocked
			arm = q.stall.note(blocked, q.passed(), d.loop.Now)
		}
		c.mu.Unlock()

		if finish {
			d.finish()
			break
		}
		if arm {
			changed |= attendTimer
		}
		if closing != nil {
			d.beginEnd()
		} else if changed&attendTimes != 0 {
			d.retime(changed)
		}
		drained := changed&attendDrained != 0
		if !drained && !d.stalled() {
			reading := d.input != inputDone && !d.holding()
			d.setInterest(reading, blocked)
			if reading && d.interest&interestUnread != 0 {
				d.comeBack()
			}
			return changed&attendFuncs != 0
		}
		d.corked.Store(true)
		if drained {
			c.deliver(event{kind: eventDrained})
		}
		d.resume()
	}
	return false
}

// setInterest tells the loop what to wait for, if that has changed.
func (d *Driver) setInterest(read, write bool) {
	d.check()
	want := d.interest &^ (interestRead | interestWrite)
	if read {
		want |= interestRead
	}
	if write {
		want |= interestWrite
	}
	if want != d.interest {
		if read && d.interest&interestRead == 0 {
			d.hear() // while it was not read from, it was not silent
			want &^= pinged
		}
		d.interest = want
		d.loop.host.SetInterest(d, read, write)
	}
}
