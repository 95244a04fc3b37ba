// Package platform is what a server asks of the system below it: the time, goroutines,
// waiting, pollers and sockets. Real is the system that the program runs on. Package
// servertest has a simulated one, and brings it to the server with its listener.
package platform

import (
	"net"
	"sync"
	"time"

	"github.com/framerail/framerail/poller"
)

// Platform is a system to serve on. All methods are safe from any goroutine.
type Platform interface {
	// Supported is nil if a server can run on the platform, and else says why it cannot.
	Supported() error
	// Simulated tells that time is not the machine's: callbacks take none of it. Nothing
	// outside the simulation can use a simulated socket.
	Simulated() bool

	// Go runs work beside its caller.
	Go(work func())
	// Wait is c.Wait, but may return without cause. From what Go runs, or from a
	// goroutine of the program's.
	Wait(c *sync.Cond)
	// Now and Since are package time's.
	Now() time.Time
	Since(time.Time) time.Duration
	// Await waits until done is closed, and returns true, or until stop is closed or
	// the time has come, and returns false. A nil channel is never closed, the zero
	// time never comes. The caller holds no lock.
	Await(done, stop <-chan struct{}, until time.Time) bool
	// Yield lets other goroutines run that could.
	Yield()
	// Uint64 is random, for what need not be secret.
	Uint64() uint64

	// NewPoller makes the poller of a loop.
	NewPoller() (Poller, error)
	// Sockets are the platform's calls on sockets.
	Sockets() Sockets
}

// Poller is [poller.Poller].
type Poller interface {
	Add(fd int, i poller.Interest, t uint64) error
	Modify(fd int, i poller.Interest, t uint64) error
	Remove(fd int) error
	Wait(events []poller.Event, deadline time.Time) (int, error)
	Wake() error
	Close() error
}

// Provider is a net.Listener that brings the platform it is of. That platform's Sockets
// accept from it.
type Provider interface {
	net.Listener
	Platform() Platform
}

// Of is the platform that a listener is of: Real, unless the listener brings another.
func Of(ln net.Listener) Platform {
	if p, ok := ln.(Provider); ok {
		return p.Platform()
	}
	return Real{}
}
