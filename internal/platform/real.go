package platform

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/relay"
	"github.com/framerail/framerail/internal/socket"
	"github.com/framerail/framerail/poller"
)

// Real is the system that the program runs on.
type Real struct{}

var _ Platform = Real{}

// Supported implements Platform. Where the system has no poller, all connections are relayed.
func (Real) Supported() error { return nil }

// Simulated implements Platform.
func (Real) Simulated() bool { return false }

// Go implements Platform.
func (Real) Go(work func()) { go work() }

// Wait implements Platform.
func (Real) Wait(c *sync.Cond) { c.Wait() }

// Now implements Platform.
func (Real) Now() time.Time { return time.Now() }

// Since implements Platform.
func (Real) Since(t time.Time) time.Duration { return time.Since(t) }

// Await implements Platform.
func (Real) Await(done, stop <-chan struct{}, until time.Time) bool {
	var late <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-done:
		return true
	case <-stop:
	case <-late:
	}
	select {
	case <-done: // select takes any that is ready
		return true
	default:
		return false
	}
}

// Yield implements Platform.
func (Real) Yield() { runtime.Gosched() }

// Uint64 implements Platform.
func (Real) Uint64() uint64 { return rand.Uint64() }

// Native reports whether loops use the system's own poller and sockets. Otherwise goroutines carry the bytes
// of each connection.
const Native = socket.Supported && !relayAll

// NewPoller implements Platform.
func (Real) NewPoller() (Poller, error) {
	if !Native {
		return relay.NewPoller(nil), nil
	}
	p, err := poller.New()
	if err != nil {
		return nil, err
	}
	return relay.NewPoller(p), nil
}

// Sockets implements Platform.
func (Real) Sockets() Sockets { return realSockets{} }
