package phase

import (
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/secure"
)

// Tenant is a connection with what its loop and its phases keep for it. It is the first field of
// its owner's own type, so that all of a connection is one allocation.
type Tenant struct {
	loop.Tenant

	head *partial // owned by the loop: the request or the refusal, while in pieces
}

func tenantOf(t *loop.Tenant) *Tenant { return loop.Of[Tenant](&t.Conn) }

// ticket is what the gate has given to the client.
func (cl *Tenant) ticket() gate.Ticket { return gate.Ticket(cl.Ticket) }

func (cl *Tenant) setTicket(t gate.Ticket) { cl.Ticket = uint8(t) }

// tls is the client's TLS; nil if it has none.
func (cl *Tenant) tls() *secure.Transport {
	t, _ := cl.Below().(*secure.Transport)
	return t
}

func (cl *Tenant) isSecure() bool { return cl.tls() != nil }

// IsUnix reports whether the client's socket is a unix one. Not to have an address is not
// enough: a peer that is gone has none either.
func (cl *Tenant) IsUnix() bool {
	return !cl.RemoteAddr().IsValid() && !cl.Below().LocalAddr().IsValid() && cl.Socket.MayBeUnix()
}

// holds tells whether the client's transport holds bytes back.
func (cl *Tenant) holds() bool {
	t := cl.tls()
	return t != nil && t.Held() > 0
}

// unopened is how many bytes a client holds whose connection is not open.
func (cl *Tenant) unopened() (n int) {
	if cl.head != nil {
		n = cap(cl.head.buf.B)
	}
	return n + buffer.LentTo(cl.Below())
}

func (cl *Tenant) releaseHead() {
	if cl.head != nil {
		cl.head.buf.Release()
		cl.head = nil
	}
}
