package conn

import (
	"errors"
	"net/netip"
)

// Transport is the stream of bytes below a connection: a socket, TLS over one,
// or a pair of buffers in a test. None of its methods blocks.
//
// Read and Close are called by the loop alone. Write, CloseWrite and LocalAddr are
// called under the connection's lock and never after the state is Closed, so that
// a descriptor is not written to once it is somebody else's.
type Transport interface {
	// Read reads into b. Fewer bytes than len(b) mean that there is no more at
	// hand. It fails with ErrWouldBlock if there is nothing, io.EOF at the end.
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

// ErrWouldBlock is a transport's word for "not now".
var ErrWouldBlock = errors.New("framerail: operation would block")
