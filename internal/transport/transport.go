package transport

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// Transport is the stream of bytes below a connection: a socket, TLS over one,
// or a pair of buffers in a test. None of its methods blocks.
//
// Read and Close are called by the loop alone. Write, CloseWrite and LocalAddr are
// called under the connection's lock and never after the state is Closed, so that
// a descriptor is not written to once it is somebody else's.
type Transport interface {
	// Read reads into b. Fewer bytes than len(b) mean that there is no more at
	// hand. It fails with ErrWouldBlock if there is nothing, io.EOF at the end, and
	// ErrTruncated at an end that was not announced where it must be. An end may come
	// with bytes; the next Read tells of it again.
	Read(b []byte) (int, error)
	// Write writes the buffers in order and returns how many bytes were taken:
	// fewer than all of them mean that the transport is full for now, with or
	// without ErrWouldBlock. It keeps none of the buffers.
	Write(bufs [][]byte) (int, error)
	// CloseWrite ends the sending direction.
	CloseWrite() error
	// Close ends both and frees what the transport holds.
	Close() error
	// LocalAddr is this side's address; zero if it has none of IP.
	LocalAddr() netip.AddrPort
}

// Holder is a Transport that makes something else of the bytes it is given, as TLS
// does, and takes them before what became of them has left. Its Write fails with
// ErrWouldBlock, too, when it has taken all but holds some back; another Write, if
// only of nothing, goes on with those first. So does its CloseWrite, of which the last
// such Write does the rest. Its Read fails with ErrHeld if it holds some back for what
// was read, which may come with bytes.
//
// It may have more at hand than a read asked for, of which no poller knows, or the end.
type Holder interface {
	Transport
	// Held is how many bytes it holds back. From any goroutine.
	Held() int
	// Unread tells whether Read may have something at hand although nothing arrives.
	// For the loop alone.
	Unread() bool
}

// Cutter is a Transport whose system goes on sending after Close what it has taken, for as
// long as a peer that does not read is there.
type Cutter interface {
	Transport
	// Cut is Close, but has the system give up bytes of which the peer has taken none for
	// that long. 0: those that it has not sent are given up now, and the peer sees a reset.
	Cut(patience time.Duration) error
}

// Peered is a Transport that can tell the address of its other end.
type Peered interface {
	Transport
	// PeerAddr is that address; zero if it is none of IP, or not known any more. It is
	// called as LocalAddr is.
	PeerAddr() netip.AddrPort
}

// Limiter is a Transport whose system can be told how much it may hold of what it was given
// and has not sent yet. A socket's system holds megabytes, which no policy can drop.
type Limiter interface {
	Transport
	// LimitUnsent sets that bound, in bytes; 0: the system's own. It is called as LocalAddr
	// is. That it fails is no matter.
	LimitUnsent(bytes int)
}

// ErrWouldBlock is what an operation fails with that cannot be done now: nothing was read,
// or not all was written. It is the only one of its kind: sockets fail with it, too.
var ErrWouldBlock = errors.New("framerail: operation would block")

// ErrHeld is what a Holder's Read fails with while it has bytes to send.
var ErrHeld = errors.New("framerail: transport holds bytes back")

// ErrUnexpectedEOF is a stream that ended without a Close frame.
var ErrUnexpectedEOF = fmt.Errorf("framerail: stream ended without a Close frame: %w", io.ErrUnexpectedEOF)

// ErrTruncated is ErrUnexpectedEOF over TLS where the stream ended without a close_notify.
var ErrTruncated = fmt.Errorf("framerail: TLS stream ended without close_notify: %w", ErrUnexpectedEOF)

// Relayed is a Transport whose bytes are carried by goroutines of its own: what the peer has
// sent may come to the loop later than the loop gets on.
type Relayed interface {
	Transport
	// Relayed does nothing.
	Relayed()
}
