package phase

import (
	"context"
	"net/netip"
	"sync/atomic"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/transport"
)

// These interfaces are what the owner of a table, such as a server, does for its phases. Each method is
// called a few times for a connection at most, and never for a message.

// Judge decides on requests. Judge and Accept are called on the loop.
type Judge interface {
	// Judge decides on a request as far as the server can. If there is no refusal but a question,
	// the program decides.
	Judge(req *handshake.Request, from Candidate) (o session.Opening, q Question, refusal *handshake.Refusal)
	// Ask asks the program, and contains a panic in it. From any goroutine.
	Ask(q Question) *handshake.Refusal
	// Accept completes o and appends the answer that accepts the request to dst. If there was a
	// question, the answer has what the program has set in it.
	Accept(req *handshake.Request, from Candidate, q Question, o session.Opening, dst []byte) (session.Opening, *handshake.Refusal)
}

// Question is a request about which the program is asked.
type Question interface {
	// SetContext sets the context of the request that the program sees. Before Ask.
	SetContext(ctx context.Context)
}

// Candidate is a client that asks for a connection.
type Candidate struct {
	Remote netip.AddrPort
	Secure bool    // it uses TLS, or https according to its proxy
	Tenant *Tenant // its connection
}

// Handover takes connections whose requests are for other code, such as net/http. On the loop.
type Handover interface {
	// Wants reports whether a request is for that code.
	Wants(req *handshake.Request) bool
	// Take takes a connection with all that was read from it, and counts it at count. From then on
	// the taker has the ticket. Take returns the transport that the loop is to close. If ok is
	// false nothing has changed.
	Take(t *Tenant, ticket gate.Ticket, head, rest []byte, count *atomic.Uint64) (below transport.Transport, ok bool)
}

// Proxies says which peers are proxies, and which clients they name. On the loop.
type Proxies interface {
	// SendHeader reports whether connections from a peer begin with a PROXY header.
	SendHeader(addr netip.Addr, unix bool) bool
	// CountedAs returns the address by which a client is counted; none if it is a proxy.
	CountedAs(addr netip.Addr) netip.Addr
	// ClientOf returns the client that has sent a request, and whether its proxy says that it
	// uses https.
	ClientOf(t *Tenant, req *handshake.Request) (remote netip.AddrPort, https bool)
}

// Sessions follows connections from their opening on.
type Sessions interface {
	// Begin counts t, whose connection is about to open. Ended follows. On the loop.
	Begin(t *Tenant)
	// Opened, Closed and Ended are those of loop.Owner.
	Opened(t *Tenant)
	Closed(t *Tenant)
	Ended(t *Tenant)
}

// Report counts and logs what becomes of clients. From any goroutine.
type Report interface {
	// Refused counts a connection that is closed without an answer that says why.
	Refused(why Reason)
	// Answered counts and logs an answer. It returns the answer to send: another one if the
	// program has made this one and it cannot be sent.
	Answered(remote netip.AddrPort, refusal *handshake.Refusal) (send *handshake.Refusal)
	// Panicked counts and logs code of the program's that has panicked. On the goroutine that did.
	Panicked(where string, p any)
}

// Work counts what runs on goroutines, so that a shutdown can wait for its end. From any goroutine.
type Work interface {
	Begin()
	End()
}
