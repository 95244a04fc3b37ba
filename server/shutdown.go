package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/framerail/framerail/internal/loop"
)

// ErrOnLoop is what Shutdown returns at once to a callback that runs on an event
// loop: to wait would be to wait for itself. Shutdown goes on without it.
var ErrOnLoop = errors.New("framerail: shutdown goes on; a callback on the event loop cannot wait for it")

// Drain is what became of the connections that were open when a server was told to
// stop, or opened while it drained. Each is in exactly one of Clean, Forced and Open.
type Drain struct {
	// Clean counts those that finished the closing handshake (RFC 6455 7.1.4).
	Clean int
	// Forced counts the others: cut when the context was done or at the close
	// timeout, or ended by the peer without a Close frame.
	Forced int
	// Open counts those not closed yet: those of a loop that a callback holds. When
	// Shutdown has returned without an error there are none.
	Open int
	// Lost is how many bytes of frames were still pending when their connections
	// closed: what a socket has taken is not among them.
	Lost int64
}

// Shutdown ends the server gently: it stops accepting, sends each client what is
// pending and a Close frame with 1001, and waits until all have answered, been
// closed for the close timeout, and had their close callbacks run. When ctx is done
// it cuts what is left, and returns an error that counts the connections cut and
// matches ctx's. It does not wait for a callback that holds a loop, and says so.
//
// Who was accepted before gets an answer: a handshake that is complete within 2
// seconds is accepted, OnConnection and all, and the connection closed with 1001;
// a later one gets 503, and who has sent nothing is closed. Requests at the Handler are waited for as in
// [http.Server.Shutdown], and a Check on a goroutine or a callback of TLSConfig until it
// has returned.
//
// It returns what became of the connections, and not an error alone as net/http's
// does: there, Shutdown leaves upgraded connections to themselves and has nothing to
// count. Whoever deploys wants the figures in the good case too, which an error
// could not carry. Calls at the same time, and later ones, all wait, and all return
// the same figures once nothing is left.
//
// A callback that runs on a loop may call it, and gets ErrOnLoop with the figures so
// far. One that runs on a goroutine would wait for itself, until ctx is done: it
// should call Shutdown on another goroutine.
func (s *Server) Shutdown(ctx context.Context) (Drain, error) {
	run := s.stop(loop.Drain)
	if run == nil {
		return Drain{}, nil
	}
	err := ErrOnLoop
	if loop.OnLoop() {
		run.kernel.Go(func() { s.logDrain(run, s.drain(ctx, run)) })
	} else {
		err = s.drain(ctx, run)
		s.logDrain(run, err)
	}
	return s.sessions.drained(), err
}

// logDrain logs how the shutdown went: once, however many wait for it.
func (s *Server) logDrain(run *running, err error) {
	run.drained.Do(func() {
		d, level := s.sessions.drained(), slog.LevelInfo
		args := []any{"clean", d.Clean, "forced", d.Forced, "open", d.Open, "lost", d.Lost}
		if err != nil {
			level, args = slog.LevelWarn, append(args, "error", err)
		}
		run.logger.Log(context.Background(), level, "framerail: shut down", args...)
	})
}

// drain waits for everything to end, until ctx is done. The Handler comes after the
// loops, which may still have requests for it.
func (s *Server) drain(ctx context.Context, run *running) error {
	for _, l := range run.loops {
		if !run.kernel.Await(l.Done(), ctx.Done(), time.Time{}) {
			return s.cutLate(run, ctx.Err())
		}
	}
	if !run.kernel.Await(run.bridges.idle(), ctx.Done(), time.Time{}) {
		return s.cutLate(run, ctx.Err())
	}
	if run.http != nil {
		if err := run.http.server.Shutdown(ctx); err != nil {
			return s.cutLate(run, err)
		}
	}
	if !run.kernel.Await(run.onGoroutines.idle(), ctx.Done(), time.Time{}) {
		return fmt.Errorf("framerail: shutdown: a Check or a callback of TLSConfig has not returned: %w", ctx.Err())
	}
	if !run.kernel.Await(s.sessions.idle(), ctx.Done(), time.Time{}) {
		return fmt.Errorf("framerail: shutdown: close callbacks have not returned: %w", ctx.Err())
	}
	return nil
}

// cutLate cuts what the context left no more time for. It waits a little, but not for a loop
// that a callback holds, which cannot be helped.
func (s *Server) cutLate(run *running, err error) error {
	run.abort()
	held, late := loop.AwaitCut(run.kernel, run.engine)
	switch {
	case held > 0:
		return fmt.Errorf("framerail: shutdown: a callback holds an event loop: %w", err)
	case late > 0:
		return fmt.Errorf("framerail: shutdown: an event loop has not come to its end: %w", err)
	}
	var cut uint64
	for _, l := range run.loops {
		cut += l.Stats().Aborted
	}
	return fmt.Errorf("framerail: shutdown cut %d connections: %w", cut, err)
}

// Close ends the server at once: every connection is cut, with ErrServerClosed for
// its close callback. It waits for the loops, and so for callbacks that run on
// them, but not for callbacks on goroutines; from a callback on a loop it does not
// wait. The error is always nil.
func (s *Server) Close() error {
	run := s.stop(loop.Abort)
	if run == nil {
		return nil
	}
	run.abort()
	if loop.OnLoop() {
		return nil
	}
	for _, l := range run.loops {
		run.kernel.Await(l.Done(), nil, time.Time{})
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
		_ = r.http.server.Close()
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
	s.stopped = true
	open := slices.Clone(s.acceptors)
	s.mu.Unlock()

	if first && o == loop.Drain {
		run.logger.Debug("framerail: shutting down", "connections", s.clients.len())
	}
	for _, a := range open {
		a.Stop()
	}
	if run != nil {
		run.gate.Open()
		for _, l := range run.loops {
			l.Command(o)
		}
	}
	return run
}
