// Package platform is the seam between a server and the system below it: time, goroutines, waiting,
// pollers and sockets. Real is the system that the program runs on. Package servertest has a simulated
// one. The server gets it from servertest's listener.
package platform

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/framerail/framerail/poller"
)

// Platform is a system to serve on. All methods are safe from any goroutine.
type Platform interface {
	// Supported returns nil if a server can run on the platform, or else the reason.
	Supported() error
	// Simulated reports whether time is simulated. Callbacks take no time then, and nothing outside
	// the simulation can use a socket.
	Simulated() bool

	// Go runs work on a goroutine.
	Go(work func())
	// Wait is c.Wait, but may return without a signal. Call it from a goroutine of Go, or of the
	// program.
	Wait(c *sync.Cond)
	// Now and Since are those of package time.
	Now() time.Time
	Since(time.Time) time.Duration
	// Await waits until done is closed, and returns true. It returns false if stop is closed or
	// the time has come first. If it finds done closed as well, it returns true. A nil channel is
	// never closed, and the zero time never comes. The caller must hold no lock.
	Await(done, stop <-chan struct{}, until time.Time) bool
	// Yield lets other goroutines run.
	Yield()
	// Uint64 returns a random number that need not be secret.
	Uint64() uint64

	// NewPoller makes a poller for a loop.
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

// Provider is a net.Listener of another platform. That platform's Sockets accept from it.
type Provider interface {
	net.Listener
	Platform() Platform
}

// Of returns the platform of a listener: Real, unless the listener is a Provider.
func Of(ln net.Listener) Platform {
	if p, ok := ln.(Provider); ok {
		return p.Platform()
	}
	return Real{}
}

// Dialer is an http.RoundTripper of another platform. The dials of a client with it are made there, directly.
type Dialer interface {
	Platform() Platform
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}
