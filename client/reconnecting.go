package client

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// Reconnecting is one logical connection that is dialled again whenever it ends.
//
// Set its fields, then call Run. Changing a field afterwards has no effect. Send and Conn are safe from
// any goroutine. It must not be copied.
//
// Many clients of a server that restarts do not come back at once. Each waits for a random time. It is
// from a window that begins with FirstDelay and doubles with each failure, up to MaxDelay (full jitter).
// After the close code 1012 (Service Restart) it is from FirstDelay to six times that. That range ends
// at MaxDelay at the latest, and begins at half of MaxDelay at the latest. After 1013 (Try Again Later) it is the second half of
// MaxDelay. A refusal's Retry-After is added to it, up to an hour.
//
// These ends are final unless OnDown says otherwise:
//
//   - this side has closed the connection, the Client is closed, or its options are impossible;
//   - Run was called on an event loop, which it would hold for ever;
//   - the server has closed with 1000, 1008, 1010, or a code from 3000 on;
//   - the server has refused with a status other than 408, 421, 425, 429, 500, 502, 503, 504 and those from
//     520 on, or its answer breaks a rule.
type Reconnecting struct {
	// Client dials. Its callbacks are those of the connections. It must be set.
	Client *Client
	// URL is what to dial.
	URL string
	// BeforeDial may change the request before each dial: its URL, its Host, its Header. So a token can be
	// fresh. It may block until the request's context is done. If it returns an error, that counts as
	// a dial that has failed. Nil: nothing is changed.
	BeforeDial func(*http.Request) error
	// OnUp runs for each new connection, in place of the Client's OnConnection. What it sends comes before
	// all that waits. A program that reads messages starts a goroutine here, which reads until the
	// connection ends. Nil: OnConnection runs.
	OnUp func(*conn.Conn)
	// OnDown runs whenever a dial has failed or a connection has ended, on Run's goroutine. It may change
	// Final and Delay of the Outage, and so decide whether and when to dial again. Nil: the Outage is
	// followed as it is.
	OnDown func(*Outage)

	// FirstDelay is the first window for the random time before a dial. 0: 5 s, as RFC 6455 7.2.3 has it.
	FirstDelay time.Duration
	// MaxDelay is the longest window. 0: 90 s.
	MaxDelay time.Duration
	// StableTime is how long a connection has to last for the window to begin anew. 0: 30 s.
	StableTime time.Duration
	// MaxWaiting bounds the bytes of messages that Send keeps while there is no connection, with 64 for
	// each message. They are sent in order once there is one that has room for them. It is at most half of
	// the Client's MaxPending. 0: Send fails with ErrAway meanwhile.
	MaxWaiting int

	mu      sync.Mutex
	ran     bool           // guarded by mu: Run was called
	ended   bool           // guarded by mu: and has returned
	dial    int            // guarded by mu: the number of the dial that goes on, or has led to up
	up      *conn.Conn     // guarded by mu: nil while there is none
	waiting []conn.Message // guarded by mu: what Send keeps
	bytes   int            // guarded by mu: of these
	sender  chan struct{}  // guarded by mu: closed when sendSlowly has returned; nil while it does not run
}

// ErrAway is the error of Send while there is no connection, and after Run has returned.
var ErrAway = errors.New("framerail: there is no connection at the moment")

// The errors of a Run that cannot begin.
var (
	errRunOnce    = errors.New("framerail: a Reconnecting runs once")
	errIncomplete = errors.New("framerail: a Reconnecting needs a Client and a URL, and no field of it may be negative")
	errMaxWaiting = errors.New("framerail: MaxWaiting is more than half of the Client's MaxPending")
)

// messageCost is what a message that waits counts for besides its payload.
const messageCost = 64

// Outage tells why there is no connection. As an error it is the result of Run.
type Outage struct {
	// Close is how the connection ended. It is zero if the dial failed.
	Close conn.CloseInfo
	// Err is the error of the dial or of BeforeDial, or that of Close. It is nil if both sides finished the
	// closing handshake.
	Err error
	// Failures is how many dials in a row have failed, or led to a connection that did not last for
	// StableTime.
	Failures int
	// Delay is the time until the next dial, and Final says that there is none. OnDown may change both.
	Delay time.Duration
	Final bool

	dialled bool // a dial has failed: there was no connection
}

// Error says what has ended.
func (o *Outage) Error() string {
	if o.dialled {
		return "framerail: no connection: " + strings.TrimPrefix(o.Err.Error(), "framerail: ")
	}
	return "framerail: the connection has ended: " + o.Close.String()
}

// Unwrap returns Err.
func (o *Outage) Unwrap() error { return o.Err }

// Run dials, and dials again whenever the connection ends. It returns after an end that is final, with the
// *Outage. It also returns when ctx is done: it closes the connection with 1001 (Going Away), waits for the
// server's answer, and returns the context's cause.
//
// A Reconnecting runs once. The Client stays open.
func (r *Reconnecting) Run(ctx context.Context) error {
	if err := r.begin(); err != nil {
		return err
	}
	defer r.end()
	wait := newBackoff(cmp.Or(r.FirstDelay, defaultFirstDelay), cmp.Or(r.MaxDelay, defaultMaxDelay), cmp.Or(r.StableTime, defaultStableTime))
	if system := r.Client.platform(); system.Simulated() {
		wait.system, wait.random = system, func(n int64) int64 { return int64(system.Uint64() % uint64(n)) }
	}
	return keep(ctx, r.Client.end(), wait, r.once, r.OnDown)
}

// keep calls once, which returns when there is no connection any more, until that is final. When closed is
// closed, it calls once without waiting any longer.
func keep(ctx context.Context, closed <-chan struct{}, wait *backoff, once func(context.Context) (*Outage, time.Duration), onDown func(*Outage)) error {
	for {
		o, lived := once(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		o.Delay = wait.next(o, lived)
		o.Failures, o.Final = wait.failures, o.isFinal()
		if onDown != nil {
			onDown(o)
		}
		if o.Final {
			return o
		}
		wait.system.Await(ctx.Done(), closed, wait.system.Now().Add(o.Delay))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case <-closed:
			closed = nil // OnDown may go on nevertheless
		default:
		}
	}
}

// begin refuses what cannot be run.
func (r *Reconnecting) begin() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ran:
		return errRunOnce
	case r.Client == nil || r.URL == "" || r.FirstDelay < 0 || r.MaxDelay < 0 || r.StableTime < 0 || r.MaxWaiting < 0:
		return errIncomplete
	case r.MaxWaiting > cmp.Or(r.Client.MaxPending, session.DefaultMaxPending)/2:
		return errMaxWaiting
	}
	r.ran = true
	return nil
}

// once dials once and waits for the end of the connection.
func (r *Reconnecting) once(ctx context.Context) (o *Outage, lived time.Duration) {
	select {
	case <-r.Client.end():
		return &Outage{Err: ErrClientClosed, dialled: true}, 0
	default:
	}
	req, err := parse(ctx, r.URL)
	if err == nil && r.BeforeDial != nil {
		err = r.BeforeDial(req)
	}
	var l *link
	if err == nil {
		l, err = r.Client.dialLink(req, r.opener())
	}
	if err != nil {
		r.down()
		return &Outage{Err: err, dialled: true}, 0
	}
	system := r.Client.platform()
	since := system.Now()
	if !system.Await(l.ended, ctx.Done(), time.Time{}) {
		_ = l.conn.Close(frame.GoingAway, "")   // it fails if it is closing already
		system.Await(l.ended, nil, time.Time{}) // within CloseTimeout
	}
	r.down()
	info, _ := l.conn.CloseInfo()
	return &Outage{Close: info, Err: info.Err}, max(system.Since(since), 1)
}

// opener is the open callback of a new dial.
func (r *Reconnecting) opener() func(*conn.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dial++
	dial := r.dial
	return func(c *conn.Conn) { r.open(c, dial) }
}

// open is the open callback of the connection of a dial.
func (r *Reconnecting) open(c *conn.Conn, dial int) {
	f := r.OnUp
	if f == nil {
		f = r.Client.OnConnection
	}
	if f != nil {
		f(c)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && r.dial == dial { // else the dial was given up
		r.up = c
		r.sendWaiting()
	}
}

// down notes that there is no connection: it has ended, or its dial was given up. When down returns, sendSlowly
// does not run any more.
func (r *Reconnecting) down() {
	r.mu.Lock()
	r.up = nil
	r.dial++
	sender := r.sender
	r.mu.Unlock()
	if sender != nil {
		r.Client.platform().Await(sender, nil, time.Time{}) // at once, since its connection is closing
	}
}

// end forgets what waits.
func (r *Reconnecting) end() {
	r.mu.Lock()
	r.ended, r.up, r.waiting, r.bytes = true, nil, nil, 0
	r.mu.Unlock()
}

// Conn is the connection, nil while there is none.
func (r *Reconnecting) Conn() *conn.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up
}

// link is a connection with its end.
type link struct {
	conn  *conn.Conn
	ended chan struct{} // closed once the close callback has returned
}

// dialLink is DialRequest, and tells of the end.
func (c *Client) dialLink(r *http.Request, open func(*conn.Conn)) (*link, error) {
	ended := make(chan struct{})
	nc, err := c.dialRequest(r, open, ended)
	if err != nil {
		return nil, err
	}
	return &link{nc, ended}, nil
}

// ends has what is to be closed when connections have ended: channels, by the connection.
type ends struct{ of sync.Map }

func (e *ends) add(c *session.Conn, ended chan struct{}) { e.of.Store(c, ended) }

func (e *ends) ended(c *session.Conn) {
	if ended, ok := e.of.LoadAndDelete(c); ok {
		close(ended.(chan struct{}))
	}
}
