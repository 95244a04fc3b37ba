package server

import (
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/phase"
)

// tenant is a connection of a server's: a connection with what its loop, its phases and the server
// keep for it, in one allocation.
type tenant struct {
	phase.Tenant

	chain *tenant // guarded by the table's lock
}

// public is the connection as the program sees it.
func (cl *tenant) public() *conn.Conn { return (*conn.Conn)(&cl.Conn) }
