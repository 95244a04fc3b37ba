// Package socket holds the raw calls on non-blocking sockets, and is the only
// place that makes them.
//
// A descriptor is whatever the system numbers its sockets with; the caller owns
// it, and nothing here remembers it. No call blocks as long as the descriptor
// is non-blocking, which Accept sees to; any goroutine may call anything, and
// the one who closes a descriptor must know that nobody else still uses it.
//
// On linux the calls that carry traffic bypass the scheduler's bookkeeping for
// system calls, which a call that never blocks does not need, and allocate
// nothing. Other systems go through their C library or x/sys as they require.
//
// Errors are ErrWouldBlock, io.EOF (from Read alone), or the system's error
// number wrapped so that errors.Is(err, syscall.ECONNRESET) and the like work.
// EINTR never surfaces. Writing to a socket whose peer is gone is an error,
// EPIPE, and no signal: the Go runtime ignores SIGPIPE but for standard output
// and standard error.
package socket

import "github.com/framerail/framerail/internal/transport"

// ErrWouldBlock says that the descriptor is not ready: nothing was read,
// written or accepted, and the poller will tell when to try again.
var ErrWouldBlock = transport.ErrWouldBlock

// MaxBuffers is how many buffers one Writev takes, the rest being left for the
// next: enough to make the cost of the call vanish, small enough for the stack,
// and below every system's IOV_MAX (16 by POSIX, 1,024 in fact).
const MaxBuffers = 64
