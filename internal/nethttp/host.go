// Package nethttp is what lies between a server and net/http: connections that a server has
// handed over to net/http, and connections that net/http has given up for a WebSocket.
//
// A [Conn] is a connection that was handed over. It holds its peer to the limits of the
// server, and [Host.Take] takes it back. A connection of which only its own type understands
// the bytes goes over a [Bridge].
package nethttp

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/platform"
)

// Options are what a Host goes by. A limit of 0 or less is none.
type Options struct {
	WriteTimeout time.Duration // for an answer to move on
	BodyTimeout  time.Duration // for the content of a request to move on
	CloseTimeout time.Duration // for what is left when the server or the connection ends
	MaxLifetime  time.Duration // of a connection that was handed over

	Platform platform.Platform
	Gate     *gate.Gate // which counts the connections
	Logger   *slog.Logger

	// Done when the server is told to stop, and when connections are to be cut.
	Stop, Cut context.Context

	// Begin and End are called for each bridge that has something to carry.
	Begin, End func()
}

// Host is a server as its connections of net/http's see it. Safe from any goroutine.
type Host struct {
	Options

	Expired atomic.Uint64 // connections that a MaxLifetime has ended
	Stalled atomic.Uint64 // connections that stood still for too long
}

const (
	// lingerTimeout is how long a client may take to read what it was sent last.
	lingerTimeout = 2 * time.Second
	// lastLookTimeout is for the last read of a connection of package net whose deadline has
	// passed: what has come is there at once, in pieces perhaps.
	lastLookTimeout = 100 * time.Millisecond
	// bridgeWait is the buffer, in bytes, with which a bridge waits for its connection:
	// enough for most messages of clients. While more comes, and for what goes out, it
	// has one of bridgeBuffer from a pool, as large as net/http's own.
	bridgeWait   = 512
	bridgeBuffer = 4 << 10
)
