// Package peer is what the servers of all libraries under peers have in common.
package peer

import (
	"net"
	"time"
)

// MaxMessage is the largest message, in bytes, that every server accepts and sends. It is
// set alike for all, because the defaults run from 32 KiB to no limit at all.
const MaxMessage = 32 << 20

// Server is one server with one kind of [Work].
type Server interface {
	// Serve accepts connections from ln until Close is called, and then returns nil.
	Serve(ln net.Listener) error
	// Close stops accepting and closes the listener. Connections that the server no longer
	// tracks live on until their clients leave.
	Close() error
}

// Work is what a server does with a text or binary message. The type of what it sends is
// that of the message.
type Work uint8

const (
	Echo      Work = iota // sends it back
	Broadcast             // sends it to all connections, the sender's too
	Sleep                 // waits for [Nap] within the callback, and sends it back
	Stall                 // sends it back; one of [Odd] bytes after [Wait] within the callback
	Compute               // sends it back; one of Odd bytes once the callback has computed for [Effort]
)

const (
	// Nap is how long each callback takes in a server that sleeps.
	Nap = 5 * time.Millisecond
	// Odd is how many bytes a message has that keeps the callback of a server that stalls or
	// computes.
	Odd = 200
	// Wait and Effort are for how long.
	Wait   = 20 * time.Millisecond
	Effort = 10 * time.Millisecond
)

// Take takes the time that a callback with a message of so many bytes takes before it answers.
func (w Work) Take(size int) {
	switch {
	case w == Sleep:
		time.Sleep(Nap)
	case w == Stall && size == Odd:
		time.Sleep(Wait)
	case w == Compute && size == Odd:
		for start := time.Now(); time.Since(start) < Effort; {
		}
	}
}

// Blocks tells whether callbacks may take long.
func (w Work) Blocks() bool { return w == Sleep || w == Stall || w == Compute }

// Deflate is how a server compresses.
type Deflate uint8

const (
	NoDeflate Deflate = iota
	Takeover          // a message may refer to earlier ones, both ways
	Alone             // each message is compressed by itself
)

// Options say which server of a library is wanted.
type Options struct {
	Work    Work
	Deflate Deflate
}
