package server

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"time"
)

// ErrOnLoop is what Shutdown returns at once to a callback that runs on an event
// loop: to wait would be to wait for itself. Shutdown goes on without it.
var ErrOnLoop = errors.New("framerail: shutdown goes on; a callback on the event loop cannot wait for it")

// Shutdown ends the server gently: it stops accepting, sends each client what is
// pending and a Close frame with 1001, and waits until all have answered, been
// closed for the close timeout, and had their close callbacks run. Requests at the
// Handler are waited for as in [http.Server.Shutdown]. When ctx is done it cuts
// what is left, and returns an error that counts the connections cut and matches
// ctx's.
//
// A callback that runs on a loop may call it, and gets ErrOnLoop. One that runs on a
// goroutine would wait for itself, until ctx is done: it should call Shutdown on
// another goroutine.
func (s *Server) Shutdown(ctx context.Context) error {
	run := s.stop(orderDrain)
	if run == nil {
		return nil
	}
	if onLoop() {
		run.kernel.Go(func() { _ = s.drain(ctx, run) })
		return ErrOnLoop
	}
	return s.drain(ctx, run)
}

// drain waits for everything to end, until ctx is done.
func (s *Server) drain(ctx context.Context, run *running) error {
	if run.http != nil {
		if err := run.http.server.Shutdown(ctx); err != nil {
			return s.cutLate(run, err)
		}
	}
	for _, l := range run.loops {
		if !run.kernel.Await(l.done, ctx.Done(), time.Time{}) {
			return s.cutLate(run, ctx.Err())
		}
	}
	if !run.kernel.Await(s.sessions.idle(), ctx.Done(), time.Time{}) {
		return fmt.Errorf("framerail: shutdown: close callbacks have not returned: %w", ctx.Err())
	}
	return nil
}

// cutLate cuts what the context left no more time for. It waits a little: a loop
// whose callback blocks cannot be helped.
func (s *Server) cutLate(run *running, err error) error {
	run.abort()
	patience := run.kernel.Now().Add(cutPatience)
	var cut int64
	for _, l := range run.loops {
		if !run.kernel.Await(l.done, nil, patience) {
			return fmt.Errorf("framerail: shutdown: a callback holds an event loop: %w", err)
		}
		cut += l.aborted.Load()
	}
	return fmt.Errorf("framerail: shutdown cut %d connections: %w", cut, err)
}

// Close ends the server at once: every connection is cut, with ErrServerClosed for
// its close callback. It waits for the loops, and so for callbacks that run on
// them, but not for callbacks on goroutines; from a callback on a loop it does not
// wait. The error is always nil.
func (s *Server) Close() error {
	run := s.stop(orderAbort)
	if run == nil {
		return nil
	}
	run.abort()
	if onLoop() {
		return nil
	}
	for _, l := range run.loops {
		run.kernel.Await(l.done, nil, time.Time{})
	}
	return nil
}

// abort cuts every connection, net/http's too.
func (r *running) abort() {
	for _, l := range r.loops {
		l.command(orderAbort)
	}
	if r.http != nil {
		_ = r.http.server.Close()
	}
}

// stop closes the listeners and gives the loops an order. It returns nil if the
// server never ran.
func (s *Server) stop(o order) *running {
	s.mu.Lock()
	run := s.run
	if !s.stopped && run != nil {
		close(run.stopping)
	}
	s.stopped = true
	var open []*acceptor
	for a := range s.acceptors {
		open = append(open, a)
	}
	s.mu.Unlock()

	for _, a := range open {
		a.stop()
	}
	if run != nil {
		for _, l := range run.loops {
			l.command(o)
		}
	}
	return run
}

// onLoop tells whether the caller runs on an event loop, which then is among its
// callers.
func onLoop() bool {
	var pcs [64]uintptr
	skip := 0
	for {
		n := runtime.Callers(skip, pcs[:])
		frames := runtime.CallersFrames(pcs[:n])
		for {
			frame, more := frames.Next()
			if frame.Function == nameOfServe {
				return true
			}
			if !more {
				break
			}
		}
		if n < len(pcs) {
			return false
		}
		skip += n
	}
}

var nameOfServe = runtime.FuncForPC(reflect.ValueOf((*loop).serve).Pointer()).Name()

// sessions counts connections from their Open to the return of their Close
// callback. The zero value is ready.
type sessions struct {
	mu   sync.Mutex
	n    int
	wait chan struct{} // closed when n is 0; nil if nobody waits
}

func (s *sessions) begin() {
	s.mu.Lock()
	s.n++
	s.mu.Unlock()
}

func (s *sessions) end() {
	s.mu.Lock()
	s.n--
	if s.n == 0 && s.wait != nil {
		close(s.wait)
		s.wait = nil
	}
	s.mu.Unlock()
}

// idle is closed once there are none.
func (s *sessions) idle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	if s.wait == nil {
		s.wait = make(chan struct{})
	}
	return s.wait
}
