package session

import "crypto/tls"

// secured is a transport that is TLS.
type secured interface {
	// ConnectionState is what was agreed on; false if that is nothing yet. From any
	// goroutine.
	ConnectionState() (tls.ConnectionState, bool)
}

// TLS is the state of TLS below the connection: version, server name, the client's
// certificates. It is made anew by each call, and stays known after the close. Nil: the
// connection is plain.
func (c *Conn) TLS() *tls.ConnectionState {
	s, ok := c.transport.(secured)
	if !ok {
		return nil
	}
	state, ok := s.ConnectionState()
	if !ok {
		return nil
	}
	return &state
}
