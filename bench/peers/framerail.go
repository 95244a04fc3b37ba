package peers

import (
	"errors"
	"net"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// framerail is a server with callbacks on the loop, its default. The bound on
// pending bytes follows the message limit, or the largest echoes would not fit.
type framerail struct{ server.Server }

func newFramerail() Server {
	return &framerail{server.Server{
		OnMessage:      framerailEcho,
		MaxMessageSize: MaxMessage,
		MaxPending:     MaxMessage + 1<<10,
	}}
}

func framerailEcho(c *conn.Conn, m conn.Message) {
	// A send fails only when the peer is closing; the close callback would tell.
	_ = c.Send(m.Type, m.Payload)
}

func (s *framerail) Serve(ln net.Listener) error {
	err := s.Server.Serve(ln)
	if errors.Is(err, server.ErrServerClosed) {
		return nil
	}
	return err
}
