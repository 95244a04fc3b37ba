package server

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/phase"
)

// In Upgrade a check runs on the handler's goroutine, within the same limits.
func TestUpgrade_CheckHasLimits(t *testing.T) {
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{MaxChecks: 1, CheckTimeout: time.Hour}})
	w := serveWeb(t, s, upgrades(s, nil))
	first := w.dialRaw(t)
	first.send(with())
	q := receive(t, questions)
	if _, ok := q.ctx.Deadline(); !ok {
		t.Error("no deadline")
	}
	second := w.dialRaw(t)
	second.send(with())
	second.expectStatus(503)
	q.answer <- nil
	first.expectStatus(101)
	first.alive()
}

func TestUpgrade_CheckHasADeadline(t *testing.T) {
	s, questions := questioning(&Server{Limits: Limits{CheckTimeout: 10 * time.Millisecond}})
	w := serveWeb(t, s, upgrades(s, nil))
	p := w.dialRaw(t)
	p.send(with())
	expectDone(t, receive(t, questions), context.DeadlineExceeded)
	p.expectStatus(503)
}

// A server that ends gives such a check what it gives the others: two seconds, or nothing. Its
// client is told.
func TestUpgrade_CheckEndsWithTheServer(t *testing.T) {
	parallel(t)
	for name, end := range map[string]func(*Server) error{
		"Shutdown": func(s *Server) error { return drain(s, context.Background()) },
		"Close":    (*Server).Close,
	} {
		t.Run(name, func(t *testing.T) {
			s, questions := questioning(&Server{Limits: Limits{CheckTimeout: time.Hour}})
			results := make(chan error, 1)
			w := serveWeb(t, s, upgrades(s, results))
			p := w.dialRaw(t)
			p.send(with())
			q := receive(t, questions)
			began, ended := time.Now(), make(chan error, 1)
			go func() { ended <- end(s) }()
			receive(t, s.run.stopping)
			if name == "Shutdown" && q.ctx.Err() != nil && time.Since(began) < phase.DrainGrace {
				t.Error("its context ends at once")
			}
			expectDone(t, q, ErrServerClosed)
			if resp := p.expectStatus(503); resp.Header.Get("Retry-After") == "" {
				t.Errorf("header %v", resp.Header)
			}
			if err := receive(t, results); !errors.Is(err, ErrServerClosed) {
				t.Errorf("Upgrade returned %v", err)
			}
			if err := receive(t, ended); err != nil {
				t.Error(err)
			}
		})
	}
}

// Shutdown leaves no such check behind either.
func TestUpgrade_ShutdownWaitsForTheCheck(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, 1)
	let := sync.OnceFunc(func() { close(release) })
	defer let()
	s := &Server{CheckDispatch: conn.OnGoroutines, Check: func(*Handshake) error {
		asked <- struct{}{}
		<-release
		return nil
	}}
	w := serveWeb(t, s, upgrades(s, nil))
	p := w.dialRaw(t)
	p.send(with())
	receive(t, asked)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := drain(s, ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that it was not waited for", err)
	}
	let()
	if err := within(t, "Shutdown", func() error { return drain(s, context.Background()) }); err != nil {
		t.Error(err)
	}
	p.expectStatus(503)
}

// A client that is let in when no loop is left to take the connection gets 503, whatever lies between
// it and its socket.
func TestUpgrade_DecidedTooLateGets503(t *testing.T) {
	try := func(t *testing.T, listen func() (net.Listener, error), dial func(*web) *peer) {
		asked, verdict, results := make(chan struct{}, 1), make(chan error, 1), make(chan error, 1)
		s := &Server{Check: func(*Handshake) error {
			asked <- struct{}{}
			return <-verdict
		}}
		w := serveWebOn(t, s, upgrades(s, results), listen)
		p := dial(w)
		p.send(with())
		receive(t, asked)
		if err := within(t, "Shutdown", func() error { return drain(s, context.Background()) }); err != nil {
			t.Error(err)
		}
		verdict <- nil
		if resp := p.expectStatus(503); resp.Header.Get("Retry-After") == "" {
			t.Errorf("header %v", resp.Header)
		}
		if err := receive(t, results); !errors.Is(err, ErrServerClosed) {
			t.Errorf("Upgrade returned %v", err)
		}
		p.expectEnd()
		s.run.nobody(t)
		expectAllAccounted(t, s.Stats())
	}
	t.Run("plain", func(t *testing.T) { try(t, listenLocally, func(w *web) *peer { return w.dialRaw(t) }) })
	wrapped(t, try)
}
