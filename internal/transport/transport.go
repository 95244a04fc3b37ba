package transport

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// Transport is the stream of bytes below a connection: a socket, TLS over a socket, or a pair
// of buffers in a test. None of its methods blocks.
//
// Only the loop calls Read and Close. Write, CloseWrite and LocalAddr are called under the
// connection's lock, and never after its state is Closed. So no descriptor is written to
// after it was closed and given to another connection.
type Transport interface {
	// Read reads into b. If it returns fewer bytes than len(b), no more have arrived. It
	// fails with ErrWouldBlock if nothing has arrived, and with io.EOF at the end. It fails
	// with ErrTruncated if TLS ended without close_notify. An end may come with bytes; the
	// next Read returns it again.
	Read(b []byte) (int, error)
	// Write writes the buffers in order and returns how many bytes it took. Fewer than
	// all of them mean that the transport is full for now, with or without
	// ErrWouldBlock. Write keeps none of the buffers, and does not change bufs.
	Write(bufs [][]byte) (int, error)
	// CloseWrite ends the sending direction.
	CloseWrite() error
	// Close ends both directions and frees the transport's resources.
	Close() error
	// LocalAddr is this side's IP address and port; zero if it has none.
	LocalAddr() netip.AddrPort
}

// Holder is a Transport that changes the bytes it is given, as TLS does. It takes bytes before
// their changed form has left, and holds that form back while the layer below is full.
//
// Its Write fails with ErrWouldBlock also when it has taken all bytes but holds some back.
// Another Write, even of nothing, first continues with those. After CloseWrite the last such
// Write ends the direction. Its Read fails with ErrHeld if it holds back an answer to bytes
// that it has read. That error may come with bytes.
//
// A Holder may hold buffered input, or EOF, that the poller cannot see. Unread reports that.
type Holder interface {
	Transport
	// Held is how many bytes the Holder holds back. From any goroutine.
	Held() int
	// Unread reports whether Read may return something although nothing arrives. For the
	// loop alone.
	Unread() bool
}

// Cutter is a Transport whose system goes on sending after Close, for as long as a peer that does
// not read is there.
type Cutter interface {
	Transport
	// Cut closes the Transport. The system discards unsent bytes once the peer has taken none
	// for that long. 0: the system discards them now, and the peer sees a reset.
	Cut(patience time.Duration) error
}

// Cut is the Cut of a Cutter, and Close for any other Transport.
func Cut(t Transport, patience time.Duration) error {
	if c, ok := t.(Cutter); ok {
		return c.Cut(patience)
	}
	return t.Close()
}

// LastWriter is a Cutter that can send the last bytes and the end of the stream in one packet.
type LastWriter interface {
	Cutter
	// WriteLast is Write for the last bytes. If it takes all of them, Cut follows at once, with some patience. The
	// system may wait for that before it sends them.
	WriteLast(bufs [][]byte) (int, error)
}

// Peered is a Transport that knows the address of its peer.
type Peered interface {
	Transport
	// PeerAddr is that IP address and port; zero if there is none, or if it is no longer
	// known. It is called as LocalAddr is.
	PeerAddr() netip.AddrPort
}

// Limiter is a Transport whose system can limit the bytes that it holds unsent. Without a limit
// the system holds megabytes for a socket, which no policy can drop.
type Limiter interface {
	Transport
	// LimitUnsent sets that limit, in bytes; 0: the system's own. It is called as LocalAddr
	// is. It does not report failure: the limit is only a help.
	LimitUnsent(bytes int)
}

// ErrWouldBlock is the error of an operation that cannot be done now: nothing was read, or not
// all was written. Sockets fail with it too.
var ErrWouldBlock = errors.New("framerail: operation would block")

// ErrHeld is the error of a Holder's Read while the Holder has bytes to send.
var ErrHeld = errors.New("framerail: transport holds bytes back")

// ErrUnexpectedEOF says that a stream ended without a Close frame.
var ErrUnexpectedEOF = fmt.Errorf("framerail: stream ended without a Close frame: %w", io.ErrUnexpectedEOF)

// ErrTruncated is ErrUnexpectedEOF over TLS, if the stream ended without close_notify.
var ErrTruncated = fmt.Errorf("%w, and without close_notify of TLS", ErrUnexpectedEOF)

// Relayed is a Transport whose bytes are carried by goroutines of its own: what the peer has
// sent may come to the loop later than the loop gets on.
type Relayed interface {
	Transport
	// OnEnd has f called once those goroutines carry no bytes any more. It may be called once.
	OnEnd(f func())
}
