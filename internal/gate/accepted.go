package gate

import (
	"crypto/tls"
	"net"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/transport"
)

// Accepted is a connection on its way to its loop: from an Acceptor, or from net/http.
type Accepted struct {
	platform.Accepted
	Unix   bool        // over a unix socket
	TLS    *tls.Config // nil: no TLS handshake is to come
	Ticket Ticket

	// Only for a connection from net/http.
	Secured *secure.Transport // established TLS; nil: none
	Opening *session.Opening  // the result of net/http's handshake; nil: the handshake is still to come
}

// Over is the transport of the connection once a loop has it: k if it is a socket, with established TLS
// over it if there is any. Its buffers come from the pool.
func (a Accepted) Over(k *platform.Socket, pool *buffer.Pool) transport.Transport {
	below := a.Transport(k)
	if b, ok := a.Below.(buffer.Borrower); ok {
		b.SetPool(pool)
	}
	if a.Secured != nil {
		a.Secured.Attach(below, pool)
		below = a.Secured
	}
	return below
}

// IsUnix reports whether an address is a unix socket's.
func IsUnix(addr net.Addr) bool { return !platform.IsNil(addr) && addr.Network() == "unix" }
