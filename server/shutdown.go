package server

import (
	"context"
	"sync"

	"github.com/framerail/framerail/frame"
)

const goingAway = frame.GoingAway

// Shutdown ends the server gently: it stops accepting, sends each client what is
// pending and a Close frame with 1001, and waits until all have answered, been
// closed for the close timeout, and had their close callbacks run. When ctx is
// done it cuts those that are left, and returns ctx's error.
//
// Requests at the Handler end as in [http.Server.Shutdown].
func (s *Server) Shutdown(ctx context.Context) error {
	run := s.stop(orderDrain)
	if run == nil {
		return nil
	}
	err := run.stopHTTP(ctx)
	for _, l := range run.loops {
		select {
		case <-l.done:
		case <-ctx.Done():
			return s.cut(run, ctx.Err())
		}
	}
	select {
	case <-s.sessions.idle():
		return err
	case <-ctx.Done():
		return ctx.Err() // a callback on a goroutine does not return
	}
}

// Close ends the server at once: every connection is cut, with ErrServerClosed for
// its close callback. It waits for the loops, not for callbacks on goroutines.
func (s *Server) Close() error {
	run := s.stop(orderAbort)
	if run == nil {
		return nil
	}
	return s.cut(run, nil)
}

// cut ends what is left, and returns err.
func (s *Server) cut(run *running, err error) error {
	for _, l := range run.loops {
		l.command(orderAbort)
	}
	if run.http != nil {
		_ = run.http.server.Close()
	}
	for _, l := range run.loops {
		<-l.done
	}
	return err
}

// stop closes the listeners and gives the loops an order. It returns nil if the
// server never ran.
func (s *Server) stop(o order) *running {
	s.mu.Lock()
	defer s.mu.Unlock()
	run := s.run
	if !s.stopped {
		s.stopped = true
		if run != nil {
			close(run.stopping)
		}
	}
	for a := range s.acceptors {
		a.close()
	}
	if run != nil {
		for _, l := range run.loops {
			l.command(o)
		}
	}
	return run
}

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
