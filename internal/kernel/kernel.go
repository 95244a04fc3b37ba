// Package kernel is what a server asks of the system below it: which connections
// are ready, what time it is, goroutines, and waiting. Real is the system; package
// servertest has another one, which is simulated, and brings it to the server with
// its listener.
package kernel

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// Kernel is a system to serve on. All methods are safe from any goroutine.
type Kernel interface {
	// Go runs work beside its caller.
	Go(work func())
	// Wait is c.Wait, but may return without cause. From what Go runs, or from a
	// goroutine of the program's.
	Wait(c *sync.Cond)
	// Now and Since are package time's.
	Now() time.Time
	Since(time.Time) time.Duration
	// NewPoller makes the poller of a loop.
	NewPoller() (Poller, error)
	// Await waits until done is closed, and returns true, or until stop is closed or
	// the time has come, and returns false. A nil channel is never closed, the zero
	// time never comes. The caller holds no lock.
	Await(done, stop <-chan struct{}, until time.Time) bool
	// Yield lets other goroutines run that could.
	Yield()
	// Uint64 is random, for what need not be secret.
	Uint64() uint64
}

// Poller is [poller.Poller].
type Poller interface {
	Add(fd int, i poller.Interest, t poller.Token) error
	Modify(fd int, i poller.Interest, t poller.Token) error
	Remove(fd int) error
	Wait(events []poller.Event, deadline time.Time) (int, error)
	Wake() error
	Close() error
}

// Listener is a listener that brings the system it is of. Its Accept returns a Conn.
type Listener interface {
	net.Listener
	Kernel() Kernel
}

// Conn is a connection of a Listener. To the server it is a transport under a
// descriptor, which is known to the pollers of the same system.
type Conn interface {
	net.Conn
	Socket() (fd int, t transport.Transport, remote netip.AddrPort)
}

// Socket is what the transport of a Conn can tell, as package socket can of a descriptor.
type Socket interface {
	// Gone tells whether the peer has closed the connection before anything was read.
	Gone() bool
}

// Of is the system that a listener is of.
func Of(ln net.Listener) Kernel {
	if l, ok := ln.(Listener); ok {
		return l.Kernel()
	}
	return Real{}
}

// Real is the system that the program runs on.
type Real struct{}

var _ Kernel = Real{}

// Go implements Kernel.
func (Real) Go(work func()) { go work() }

// Wait implements Kernel.
func (Real) Wait(c *sync.Cond) { c.Wait() }

// Now implements Kernel.
func (Real) Now() time.Time { return time.Now() }

// Since implements Kernel.
func (Real) Since(t time.Time) time.Duration { return time.Since(t) }

// NewPoller implements Kernel.
func (Real) NewPoller() (Poller, error) { return poller.New() }

// Yield implements Kernel.
func (Real) Yield() { runtime.Gosched() }

// Uint64 implements Kernel.
func (Real) Uint64() uint64 { return rand.Uint64() }

// Await implements Kernel.
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
