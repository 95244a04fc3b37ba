package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/loop"
)

// shared is how a client is on loops of a server's: those serve already, and go on when the client ends.
type shared struct {
	isShared  bool
	leaveOnce sync.Once
	left      chan struct{} // closed once nothing of the client is left
}

// errSharedOption is the error of an option that the loops of a server have already.
var errSharedOption = errors.New("framerail: EventLoops is set, and Loops, MaxBuffers and SlowCallback are those of the server then")

// errOtherMachine is the error of a client that dials on another machine than its loops run on.
var errOtherMachine = errors.New("framerail: EventLoops of a server on a simulated machine need the Transport of that machine, and other loops need none of one")

// errNoRoom is the error of a dial to a loop that too many clients share.
var errNoRoom = errors.New("framerail: too many clients share the event loops of a server")

// share takes the loops of a server. The client enters each with its first connection there.
func (r *running) share(c *Client, lent loop.Shared) error {
	switch {
	case c.Loops != 0 || c.MaxBuffers != 0 || c.SlowCallback != 0:
		return requestError{errSharedOption}
	case lent.System() != r.system:
		return requestError{errOtherMachine}
	case c.Dispatch == conn.Adaptive && !lent.Adaptive():
		return requestError{errors.New("framerail: Dispatch is Adaptive, but that of the server of EventLoops is not")}
	}
	r.isShared, r.engine, r.left = true, lent.All, make(chan struct{})
	for _, l := range r.engine {
		r.loops = append(r.loops, &tenants{Loop: l, run: r})
	}
	return nil
}

// leave has the client leave the loops of a server once nothing of it is left there.
func (r *running) leave() {
	if !r.isShared {
		return
	}
	r.system.Go(func() {
		r.system.Await(r.busy.Idle(), nil, time.Time{})
		for _, ts := range r.loops {
			gone := make(chan struct{})
			ts.Ask(func() {
				if ts.registered {
					ts.registered = false
					ts.Unregister(ts.id)
				}
				close(gone)
			})
			r.system.Await(gone, ts.Done(), time.Time{})
		}
		close(r.left)
	})
}

// drainShared waits until nothing of the client is left, until ctx is done. Then it cuts what the context
// left no more time for.
func (r *running) drainShared(ctx context.Context) error {
	if r.system.Await(r.left, ctx.Done(), time.Time{}) {
		return nil
	}
	if !r.await(r.command(loop.Abort), r.system.Now().Add(loop.CutPatience)) {
		return fmt.Errorf("framerail: shutdown: a callback holds an event loop: %w", ctx.Err())
	}
	return fmt.Errorf("framerail: shutdown cut connections: %w", ctx.Err())
}

// command gives the loops a command. A channel for each is closed once that is carried out, unless the loop
// ends before.
func (r *running) command(c loop.Command) (done []<-chan struct{}) {
	for _, ts := range r.loops {
		done = append(done, ts.command(c))
	}
	return done
}

// await waits until a command is carried out, and returns false if the time is over before. Zero: it is never
// over.
func (r *running) await(done []<-chan struct{}, until time.Time) bool {
	for i, ts := range r.loops {
		if r.system.Await(done[i], ts.Done(), until) {
			continue
		}
		select {
		case <-ts.Done():
		default:
			return false
		}
	}
	return true
}

// command has the client's connections on the loop closed or cut. Loops of the client's own end then.
// Loops of a server carry it out once. A connection that comes later finds that the client is closed.
func (ts *tenants) command(c loop.Command) (done <-chan struct{}) {
	if !ts.run.isShared {
		ts.Command(c)
		return ts.Done()
	}
	applied := make(chan struct{})
	ts.Ask(func() { ts.apply(c, applied) })
	return applied
}

// apply carries out a command. A callback that ends the loop's goroutine breaks it off: then the loop begins
// with it again.
func (ts *tenants) apply(c loop.Command, applied chan struct{}) {
	done := false
	defer func() {
		if !done {
			ts.Ask(func() { ts.apply(c, applied) })
			return
		}
		close(applied)
	}()
	if ts.registered {
		ts.EachOf(ts.id, func(t *loop.Tenant) {
			ts.With(t, func() {
				if c == loop.Abort {
					t.Abort(ErrClientClosed)
					return
				}
				_ = t.Close(frame.GoingAway, "client is shutting down") // closing already: it goes on
			})
		})
	}
	done = true
}

// closedBy is the error of a dial whose loop takes no more connections. It is final for Reconnecting.
func (ts *tenants) closedBy() error {
	if ts.run.isShared && ts.run.stop.Err() == nil {
		return requestError{loop.Shared{All: ts.run.engine}.Cause()}
	}
	return ErrClientClosed
}
