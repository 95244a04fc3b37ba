package platform

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/socket"
	"github.com/framerail/framerail/poller"
)

// Real is the system that the program runs on.
type Real struct{}

var _ Platform = Real{}

// Supported implements Platform. Systems without an event loop have no sockets either.
func (Real) Supported() error {
	if !socket.Supported {
		return poller.ErrUnsupported
	}
	return nil
}

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
	return false
}

// Yield implements Platform.
func (Real) Yield() { runtime.Gosched() }

// Uint64 implements Platform.
func (Real) Uint64() uint64 { return rand.Uint64() }

// NewPoller implements Platform.
func (Real) NewPoller() (Poller, error) { return poller.New() }

// Sockets implements Platform.
func (Real) Sockets() Sockets { return realSockets{} }
