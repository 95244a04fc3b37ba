package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/loop"
)

// life is how far a server has come that has started, and what its end waits for. Safe from
// any goroutine.
type life struct {
	// Done when the server is told to stop, and when connections are to be cut.
	stop, cut         context.Context
	tellStop, tellCut context.CancelFunc
	stopping          <-chan struct{} // of stop

	relays       loop.Tasks   // connections whose bytes goroutines carry
	onGoroutines loop.Tasks   // checks and TLS handshakes, which have goroutines
	asking       atomic.Int64 // handlers of net/http's in which a check runs
	drained      sync.Once    // the end of the shutdown is logged

	// How clients leave, since Shutdown was called. Guarded by the server's mu.
	departure  Leaving
	noticeEnds time.Time
}

func (l *life) init() {
	l.stop, l.tellStop = context.WithCancel(context.Background())
	l.cut, l.tellCut = context.WithCancel(context.Background())
	l.stopping = l.stop.Done()
}
