// Package socket has the raw calls on non-blocking sockets. No other package makes them.
//
// A descriptor is the system's number for a socket. The caller owns it, and this package does not remember
// it. No call blocks if the descriptor is non-blocking, as those of Accept are. All functions are safe
// from any goroutine. Before a goroutine closes a descriptor, no other may use it any more.
//
// On linux the calls that carry traffic allocate nothing. They bypass the scheduler's bookkeeping for
// system calls, which a call that never blocks does not need. Other systems go through their C library
// or x/sys, as they require.
//
// Errors are ErrWouldBlock, io.EOF (from Read alone), or the system's error
// number wrapped so that errors.Is(err, syscall.ECONNRESET) and the like work.
// EINTR is never returned. Writing to a socket whose peer is gone fails with EPIPE and raises no signal,
// because the Go runtime ignores SIGPIPE except for standard output and standard error.
package socket

import "github.com/framerail/framerail/internal/transport"

// ErrWouldBlock says that the descriptor is not ready: nothing was read, written or accepted. The poller
// reports when to try again.
var ErrWouldBlock = transport.ErrWouldBlock

// MaxBuffers is how many buffers one Writev takes. The rest is left for the next. It is large enough to
// make the call's cost small, small enough for the stack, and below every system's IOV_MAX (16 by POSIX,
// 1,024 in practice).
const MaxBuffers = 64
