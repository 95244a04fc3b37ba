package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/callbacks"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
)

// tenants is a client's part of one loop. Its tenants have no phase before they are open, since
// net/http does the handshake.
type tenants struct {
	*loop.Loop
	run  *running
	id   loop.OwnerID // while it is registered
	none buffer.Pool  // lends nothing: all connections here are open

	account atomic.Pointer[loop.Account] // nil before it is registered

	registered bool // owned by the loop
}

var (
	_ loop.Owner  = (*tenants)(nil)
	_ memory.Loop = (*tenants)(nil)
)

// register enters the client into the loop. On the loop, or before it serves.
func (ts *tenants) register() {
	ts.id = ts.Register(ts, &ts.run.config, nil)
	ts.account.Store(ts.Account(ts.id))
	ts.registered = true
}

// Opened implements loop.Owner, as the next two do.
func (ts *tenants) Opened(*loop.Tenant)    {}
func (ts *tenants) Closed(*loop.Tenant)    {}
func (ts *tenants) Forgotten(*loop.Tenant) {}

// Ended implements loop.Owner.
func (ts *tenants) Ended(t *loop.Tenant) {
	ts.run.ends.ended(&t.Conn)
	ts.run.busy.End()
}

// Pools implements memory.Loop, as the next one does.
func (ts *tenants) Pools() (open, unopened *buffer.Pool) { return ts.Buffers(), &ts.none }

// ShedUnopened has nothing to refuse.
func (ts *tenants) ShedUnopened(int) (clients int) { return 0 }

// newcomer is a connection on its way to a loop.
type newcomer struct {
	*tenants
	accepted gate.Accepted
	opening  session.Opening

	began  chan struct{} // closed when conn or failed is set
	conn   *session.Conn // before it is opened; nil if it is not
	failed error         // the reason of nil
	opened chan struct{} // closed when the open callback has returned
	ended  chan struct{} // to be closed once the close callback has returned; nil for none

	mu       sync.Mutex
	claimed  bool // guarded by mu: the loop has begun with it
	canceled bool // guarded by mu: nobody waits for it any more
}

var _ loop.Newcomer = (*newcomer)(nil)

// deliver gives the connection to its loop and waits until its open callback has returned. timed is ctx with
// the time that the loop has to begin.
func (n *newcomer) deliver(ctx, timed context.Context, open func(*conn.Conn)) (*conn.Conn, error) {
	call := callbacks.OnConn(open)
	n.opening.Callback = func(c *session.Conn) {
		defer close(n.opened) // also if it panics
		if call != nil {
			call(c)
		}
	}
	n.Deliver(n)
	system := n.run.system
	var until time.Time
	if s, ok := timed.(*span); ok {
		until = s.until
	}
	if !system.Await(n.began, timed.Done(), until) {
		if n.cancel() {
			return nil, endOf(timed)
		}
		system.Await(n.began, nil, time.Time{}) // at once
	}
	c := n.conn
	if c == nil {
		return nil, n.failed
	}
	if !system.Await(n.opened, ctx.Done(), time.Time{}) {
		_ = c.Close(frame.GoingAway, "") // it fails if it is closing already
		return nil, endOf(ctx)
	}
	return (*conn.Conn)(c), nil
}

// claim begins with the connection, unless nobody waits for it.
func (n *newcomer) claim() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.claimed = !n.canceled
	return n.claimed
}

// cancel reports whether the loop has not begun with the connection, and will not.
func (n *newcomer) cancel() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.canceled = !n.claimed
	return n.canceled
}

// Admit implements loop.Newcomer.
func (n *newcomer) Admit() {
	if n.Applied() != loop.Serve || n.run.stop.Err() != nil || !n.claim() {
		n.TurnAway()
		return
	}
	if !n.registered {
		if !n.HasRoom() {
			n.turnAway(errNoRoom)
			return
		}
		n.register()
	}
	t := new(loop.Tenant)
	t.Socket = platform.NewSocket(n.accepted.FD)
	below := n.accepted.Over(&t.Socket, n.Buffers())
	n.Seat(t, n.id, loop.Open, below, n.accepted.Remote)
	if err := n.Watch(t); err != nil {
		n.Forget(t)
		_ = below.Close()
		n.fail(err)
		return
	}
	n.run.busy.Begin()
	if n.ended != nil {
		n.run.ends.add(&t.Conn, n.ended)
	}
	n.conn = &t.Conn
	close(n.began)
	n.With(t, func() { t.Open(n.opening) })
}

// TurnAway implements loop.Newcomer.
func (n *newcomer) TurnAway() { n.turnAway(n.closedBy()) }

// turnAway closes the connection, and ends the dial.
func (n *newcomer) turnAway(err error) {
	_ = n.accepted.Over(new(platform.Socket), n.Buffers()).Close()
	n.refuse(err)
}

// fail ends the dial: the loop cannot watch the connection.
func (n *newcomer) fail(err error) {
	n.refuse(fmt.Errorf("framerail: the event loop cannot watch the connection: %w", err))
}

// refuse ends the dial.
func (n *newcomer) refuse(err error) {
	n.failed = err
	close(n.began)
}
