package server

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/loop"
)

// errOnLoop is the error of Shutdown in a callback that runs on an event loop. The callback cannot wait
// for itself, so Shutdown goes on without it.
var errOnLoop = fmt.Errorf("%w; the shutdown goes on", conn.ErrOnLoop)

// Drain has the outcome of a shutdown, for the connections that were open when it began or that opened
// during it. Each connection is in exactly one of Clean, Forced and Open.
type Drain struct {
	// Clean counts connections that finished the closing handshake (RFC 6455 7.1.4).
	Clean int
	// Forced counts connections that were cut after CloseTimeout or when the context was done, and
	// those that the peer ended without a Close frame. They alone are no error of Shutdown: a client
	// that has lost its network does not answer.
	Forced int
	// Open counts connections that are not closed yet, because a callback holds their loop. There are
	// none if Shutdown has returned without an error.
	Open int
	// Lost is how many bytes of frames were still pending when their connections closed. Bytes that a
	// socket has taken do not count.
	Lost int64
}

// Shutdown ends the server gently. It stops accepting, and sends each client its pending messages and a
// Close frame with 1001 (Going Away). Leaving spreads these frames over a time, so that the clients do not all
// come back in the same second. Shutdown waits until each connection is closed, by the client's
// answer or after CloseTimeout, and its close callback has run.
//
// When ctx is done Shutdown cuts the connections that are left. It then returns an error that matches
// ctx's and counts them. It does not wait for a callback that holds a loop, and says so.
//
// A client that was accepted before still gets an answer. A handshake that is complete within 2 seconds
// is accepted, OnConnection runs, and the connection is closed with 1001. A later one gets 503. A
// client that has sent nothing is closed. Shutdown waits for requests at the Handler as
// [http.Server.Shutdown] does. It waits until a Check on a goroutine or a callback of TLSConfig has
// returned.
//
// Shutdown returns the outcome of the connections too. net/http's Shutdown does not: it leaves upgraded
// connections alone. Several calls all wait, and return the same outcome in the end.
//
// A callback that runs on a loop may call Shutdown. It gets [conn.ErrOnLoop] and the outcome so far. So does
// one that has lost its loop, with [conn.Adaptive]. From then on only ctx's deadline counts.
// Cancelling ctx later cuts nothing, because callbacks cancel theirs when they return. Without a deadline the shutdown
// waits as long as it takes. A callback on a goroutine should call Shutdown on another
// goroutine, or it waits for itself until ctx is done.
func (s *Server) Shutdown(ctx context.Context) (Drain, error) {
	run, notice := announce(ctx, s)
	if notice == 0 {
		run = s.stop(loop.Drain)
	}
	if run == nil {
		return Drain{}, nil
	}
	end := func(ctx context.Context) error {
		if notice > 0 {
			run.platform.Await(run.stopping, ctx.Done(), run.platform.Now().Add(notice))
			s.stop(loop.Drain)
		}
		err := s.drain(ctx, run)
		run.logDrain(s.sessions.drained(), err)
		return err
	}
	err := errOnLoop
	if loop.WithinLoop() {
		after, stop := beyondTheCallback(ctx)
		run.platform.Go(func() {
			defer stop()
			_ = end(after)
		})
	} else {
		err = end(ctx)
	}
	return s.sessions.drained(), err
}

// beyondTheCallback returns a context with ctx's deadline that ctx's later cancel does not reach: a callback cancels
// its context when it returns. If ctx is done already, it returns ctx.
func beyondTheCallback(ctx context.Context) (after context.Context, stop context.CancelFunc) {
	if ctx.Err() != nil {
		return ctx, func() {}
	}
	after = context.WithoutCancel(ctx)
	if at, ok := ctx.Deadline(); ok {
		return context.WithDeadline(after, at)
	}
	return after, func() {}
}

// announce has Draining report true. The first call decides how much time the clients have to leave. announce
// returns the server if it runs, and what is left of its notice.
func announce(ctx context.Context, s *Server) (run *running, notice time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run = s.run
	if run == nil || s.stopped {
		s.draining = true
		return run, 0
	}
	now := run.platform.Now()
	if !s.draining {
		s.draining = true
		run.departure = run.leaving
		if deadline, ok := ctx.Deadline(); ok {
			run.departure = run.leaving.within(deadline.Sub(now), run.config.CloseTimeout)
		}
		run.noticeEnds = now.Add(run.departure.Notice)
	}
	return run, max(run.noticeEnds.Sub(now), 0)
}

// logDrain logs how the shutdown went: once, however many wait for it.
func (r *running) logDrain(d Drain, err error) {
	r.drained.Do(func() {
		level := slog.LevelInfo
		args := []any{"clean", d.Clean, "forced", d.Forced, "open", d.Open, "lost", d.Lost}
		if err != nil {
			level, args = slog.LevelWarn, append(args, "error", err)
		}
		r.logger.Log(context.Background(), level, "framerail: shut down", args...)
	})
}

// drain waits for everything to end, until ctx is done. The Handler comes after the
// loops, which may still have requests for it.
func (s *Server) drain(ctx context.Context, run *running) error {
	for _, l := range run.loops {
		if !run.platform.Await(l.Done(), ctx.Done(), time.Time{}) {
			return s.cutLate(run, ctx.Err())
		}
	}
	if !run.platform.Await(run.relays.Idle(), ctx.Done(), time.Time{}) {
		return s.cutLate(run, ctx.Err())
	}
	if run.http != nil {
		if err := run.http.Shutdown(ctx); err != nil {
			late := s.cutLate(run, err)
			select {
			case <-s.sessions.Idle():
				return late
			default: // a handler may wait for one of those: Upgrade does over HTTP/2
				return errCallbacks(err)
			}
		}
	}
	if !run.platform.Await(run.onGoroutines.Idle(), ctx.Done(), time.Time{}) {
		return fmt.Errorf("framerail: shutdown: a Check or a callback of TLSConfig has not returned: %w", ctx.Err())
	}
	if !run.platform.Await(s.sessions.Idle(), ctx.Done(), time.Time{}) {
		return errCallbacks(ctx.Err())
	}
	run.tellCut() // nothing is left, and the budget of buffers need not look at it any more
	return nil
}

// errCallbacks is the error of a shutdown for which callbacks take too long.
func errCallbacks(err error) error {
	return fmt.Errorf("framerail: shutdown: close callbacks have not returned: %w", err)
}

// cutLate cuts what the context left no more time for. It waits a little, but not for a loop
// that a callback holds, which cannot be helped.
func (s *Server) cutLate(run *running, err error) error {
	run.abort()
	if late := loop.AwaitCut(run.platform, run.engine, err); late != nil {
		return late
	}
	var cut uint64
	for _, l := range run.loops {
		cut += l.Account.Aborted()
	}
	return fmt.Errorf("framerail: shutdown cut %d connections: %w", cut, err)
}

// Close ends the server at once. It cuts every connection, with ErrServerClosed for its close callback. It
// waits for the loops, and so for callbacks that run on them, but not for callbacks on goroutines. In a
// callback on a loop, or one that has lost its loop, it does not wait. The error is always nil.
func (s *Server) Close() error {
	run := s.stop(loop.Abort)
	if run == nil {
		return nil
	}
	run.abort()
	if loop.WithinLoop() {
		return nil
	}
	for _, l := range run.loops {
		run.platform.Await(l.Done(), nil, time.Time{})
	}
	return nil
}

// abort cuts every connection, net/http's too.
func (r *running) abort() {
	r.tellCut()
	for _, l := range r.loops {
		l.Command(loop.Abort)
	}
	if r.http != nil {
		r.http.Abort()
	}
}

// stop closes the listeners and gives the loops an order. It returns nil if the
// server never ran.
func (s *Server) stop(o loop.Command) *running {
	s.mu.Lock()
	run := s.run
	first := !s.stopped && run != nil
	if first {
		s.sessions.beginDrain()
		run.tellStop()
	}
	s.draining, s.stopped = true, true
	open := slices.Clone(s.acceptors)
	var departure Leaving
	if run != nil {
		departure = run.departure
	}
	s.mu.Unlock()

	if first && o == loop.Drain {
		run.logger.Debug("framerail: shutting down", "connections", s.clients.len(), "window", departure.Window)
	}
	for _, a := range open {
		a.Stop()
	}
	if run != nil {
		run.gate.Open()
		for _, l := range run.loops {
			if o == loop.Drain {
				l.Drain(departure.draining(len(run.loops)))
			} else {
				l.Command(o)
			}
		}
	}
	return run
}
