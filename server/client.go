package server

import (
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/session"
)

// client is a tenant of a server's: a connection with what its loop and the server keep for
// it, in one allocation.
type client struct {
	loop.Tenant

	head  *partial // owned by the loop: the request or the refusal, while in pieces
	chain *client  // guarded by the table's lock
}

// clientOf is the client whose connection c is.
func clientOf(c *session.Conn) *client { return loop.Of[client](c) }

// client is a tenant of the server's.
func tenant(t *loop.Tenant) *client { return clientOf(&t.Conn) }

// ticket is what the gate has given to the client.
func (cl *client) ticket() gate.Ticket { return gate.Ticket(cl.Ticket) }

func (cl *client) setTicket(t gate.Ticket) { cl.Ticket = uint8(t) }

// public is the connection as the program sees it.
func (cl *client) public() *conn.Conn { return (*conn.Conn)(&cl.Conn) }
