// Package nethttp lies between a server and net/http. It hands connections over to net/http, and takes
// connections from net/http for a WebSocket.
//
// A [Conn] is a connection that was handed over. It applies the server's limits to its peer. [Host.Take] takes a
// connection back. A connection that cannot move is relayed: see package relay.
package nethttp

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/platform"
)

// Options are the options of a Host. 0 or less: no limit.
type Options struct {
	WriteTimeout time.Duration // for an answer to move on
	BodyTimeout  time.Duration // for the content of a request to move on
	CloseTimeout time.Duration // for what is left when the server or the connection ends
	MaxLifetime  time.Duration // of a connection that was handed over

	Platform platform.Platform
	Gate     *gate.Gate // which counts the connections
	Logger   *slog.Logger

	// The first is done when the server stops, the second when connections are to be cut.
	Stop, Cut context.Context

	// Begin and End are called for each connection whose bytes goroutines carry.
	Begin, End func()
}

// Host is a server, as its connections at net/http see it. Safe from any goroutine.
type Host struct {
	Options

	Expired atomic.Uint64 // connections that a MaxLifetime has ended
	Stalled atomic.Uint64 // connections that stood still for too long
}

const (
	// lingerTimeout is how long a client may take to read the last bytes sent to it.
	lingerTimeout = 2 * time.Second
	// lastLookTimeout is for the last read of a connection of package net after its deadline.
	// Bytes that have arrived are there at once, perhaps in pieces.
	lastLookTimeout = 100 * time.Millisecond
)
