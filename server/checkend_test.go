package server

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/phase"
)

func TestCheckDispatch_CloseEndsIt(t *testing.T) {
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{CheckTimeout: time.Hour, MaxChecks: 1}})
	start(t, s)
	p := ask(t, s)
	q := receive(t, questions)
	waiting := ask(t, s)
	eventually(t, "one to wait", func() bool { return s.Stats().ChecksWaited == 1 })
	if err := within(t, "Close", s.Close); err != nil {
		t.Error(err)
	}
	expectDone(t, q, ErrServerClosed)
	p.expectGone()
	waiting.expectGone()
	if n := s.Stats().Refused[ReasonDraining]; n != 2 {
		t.Errorf("%d refused", n)
	}
}

// A client that was accepted is answered: by the check, if it decides soon, or by the server.
func TestCheckDispatch_ShutdownGivesItTwoSeconds(t *testing.T) {
	parallel(t)
	onceInTime(t, func() bool { return shutdownGivesTwoSeconds(t) })
}

// shutdownGivesTwoSeconds returns false if the machine was too slow for a check that decides soon.
func shutdownGivesTwoSeconds(t *testing.T) (inTime bool) {
	s, questions := questioning(&Server{Limits: Limits{CheckTimeout: time.Hour}})
	start(t, s)
	quick, slow := ask(t, s), ask(t, s)
	first, second := receive(t, questions), receive(t, questions)
	began, done := time.Now(), make(chan error, 1)
	go func() { done <- drain(s, context.Background()) }()
	receive(t, s.run.stopping)
	if first.ctx.Err() != nil && time.Since(began) < phase.DrainGrace {
		t.Error("its context ends at once")
	}
	first.answer <- nil
	if _, err := quick.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	expectDone(t, second, ErrServerClosed)
	accepted, refused := quick, slow
	if resp := accepted.response(); resp.StatusCode == 503 { // the other was asked about first
		accepted, refused = slow, quick
		if !accepted.joins(began) {
			return false
		}
	} else {
		refused.expectRefusal(503)
	}
	refused.Close()
	accepted.expectClose(frame.GoingAway)
	accepted.close(frame.GoingAway, "")
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	return true
}

// Shutdown does not leave a check behind, unless its context says so.
func TestCheckDispatch_ShutdownWaitsForIt(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, 1)
	s := start(t, &Server{CheckDispatch: conn.OnGoroutines, Check: func(*Handshake) error {
		asked <- struct{}{}
		<-release
		return nil
	}})
	let := sync.OnceFunc(func() { close(release) })
	defer let()
	p := ask(t, s)
	receive(t, asked)
	p.Close()
	eventually(t, "it to be gone", func() bool { return load(s) == 0 })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := drain(s, ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that it was not waited for", err)
	}
	let()
	if err := within(t, "Shutdown", func() error { return drain(s, context.Background()) }); err != nil {
		t.Error(err)
	}
}
