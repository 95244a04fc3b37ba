package server

import (
	"context"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/loop"
)

// A callback that holds a loop cannot be helped: Shutdown is back soon after its context is
// done, and not only when it has waited for loops that merely are late.
func TestShutdown_DoesNotWaitForACallbackThatHoldsALoop(t *testing.T) {
	best := time.Hour
	for began := time.Now(); time.Since(began) < patience; { // a busy machine needs several
		release, called := make(chan bool), make(chan bool)
		s := start(t, &Server{Loops: 2, OnMessage: func(*conn.Conn, conn.Message) { close(called); <-release }})
		dial(t, s).text("x")
		receive(t, called)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		err := drain(s, ctx)
		best = min(best, time.Since(begin))
		close(release)
		if err == nil {
			t.Error("no error")
		}
		if best < loop.CutPatience/4 {
			return
		}
	}
	t.Errorf("it took %v at best", best)
}
