package platform

import (
	"net/netip"
	"time"

	"github.com/framerail/framerail/internal/relay"
	"github.com/framerail/framerail/internal/socket"
	"github.com/framerail/framerail/internal/transport"
)

// Socket is the transport of a real socket. It is small, because each connection contains one.
type Socket struct{ fd int32 }

var (
	_ transport.LastWriter = (*Socket)(nil)
	_ transport.Peered     = (*Socket)(nil)
	_ transport.Limiter    = (*Socket)(nil)
)

// NewSocket is the transport of a descriptor.
func NewSocket(fd int) Socket { return Socket{fd: int32(fd)} }

// FD is the descriptor.
func (s *Socket) FD() int { return int(s.fd) }

// Relayed reports whether goroutines carry the connection's bytes. The Socket is then only its number.
func (s *Socket) Relayed() bool { return s.fd < 0 }

// MayBeUnix reports whether a connection without addresses is over a unix socket.
func (s *Socket) MayBeUnix() bool {
	if c := relay.At(s.FD()); c != nil {
		return c.IsUnix()
	}
	return true
}

// Read implements transport.Transport.
func (s *Socket) Read(b []byte) (int, error) { return socket.Read(int(s.fd), b) }

// Write implements transport.Transport.
func (s *Socket) Write(bufs [][]byte) (n int, err error) {
	if len(bufs) == 1 {
		n, err = socket.Write(int(s.fd), bufs[0])
	} else {
		n, err = socket.Writev(int(s.fd), bufs)
	}
	return n, err
}

// WriteLast implements transport.LastWriter. Several buffers are written as by Write.
func (s *Socket) WriteLast(bufs [][]byte) (int, error) {
	if len(bufs) != 1 {
		return s.Write(bufs)
	}
	return socket.WriteLast(int(s.fd), bufs[0])
}

// CloseWrite implements transport.Transport.
func (s *Socket) CloseWrite() error { return socket.CloseWrite(int(s.fd)) }

// Close implements transport.Transport.
func (s *Socket) Close() error { return socket.Close(int(s.fd)) }

// Cut implements transport.Cutter.
func (s *Socket) Cut(patience time.Duration) error {
	socket.DiscardAfter(int(s.fd), patience)
	return socket.CloseLast(int(s.fd))
}

// Gone reports whether the peer has closed the connection before anything was read.
func (s *Socket) Gone() bool { return socket.Gone(int(s.fd)) }

// LimitUnsent implements transport.Limiter. Unix sockets have no such bound.
func (s *Socket) LimitUnsent(bytes int) { _ = socket.SetUnsent(int(s.fd), bytes) }

// LocalAddr implements transport.Transport.
func (s *Socket) LocalAddr() netip.AddrPort { return socket.LocalAddr(int(s.fd)) }

// PeerAddr implements transport.Peered.
func (s *Socket) PeerAddr() netip.AddrPort { return socket.RemoteAddr(int(s.fd)) }
