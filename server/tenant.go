package server

import (
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/session"
)

// tenant is a connection of a server's: a connection with what its loop and the server keep for
// it, in one allocation.
type tenant struct {
	loop.Tenant

	head  *partial // owned by the loop: the request or the refusal, while in pieces
	chain *tenant  // guarded by the table's lock
}

// tenantOfConn is the tenant whose connection c is.
func tenantOfConn(c *session.Conn) *tenant { return loop.Of[tenant](c) }

// tenantOf is a tenant of the server's.
func tenantOf(t *loop.Tenant) *tenant { return tenantOfConn(&t.Conn) }

// ticket is what the gate has given to the client.
func (cl *tenant) ticket() gate.Ticket { return gate.Ticket(cl.Ticket) }

func (cl *tenant) setTicket(t gate.Ticket) { cl.Ticket = uint8(t) }

// public is the connection as the program sees it.
func (cl *tenant) public() *conn.Conn { return (*conn.Conn)(&cl.Conn) }
