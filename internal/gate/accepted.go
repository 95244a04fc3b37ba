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

	// Of a connection that net/http has given up.
	Secured *secure.Transport // TLS that is established; nil: none
	Opening *session.Opening  // what net/http's handshake has left; nil: one is to come
}

// Over is the transport of the connection once a loop has it: k, where it is a socket, and
// TLS over it that is established.
func (a Accepted) Over(k *platform.Socket, pool *buffer.Pool) transport.Transport {
	below := a.Transport(k)
	if a.Secured != nil {
		a.Secured.Attach(below, pool)
		below = a.Secured
	}
	return below
}

// IsUnix tells the address of a unix socket.
func IsUnix(addr net.Addr) bool { return addr != nil && addr.Network() == "unix" }
