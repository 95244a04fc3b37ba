package server

import (
	"errors"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/session"
)

// errNotStarted is the error of EventLoops before the server has started.
var errNotStarted = errors.New("framerail: the server has not started, so it has no event loops")

// EventLoops returns the server's event loops, so that a client.Client of the same process can have its
// connections there. So a proxy has both ends of a stream on the same loops, and needs no others.
//
// Those connections count in MaxBuffers, and in Buffers, BufferBytes, Timers and Lag of the server's Stats.
// All other counters have the server's own connections alone. Shutdown and Close end them as they end clients. EventLoops fails before the
// server has started, and with ErrServerClosed once it was told to end.
func (s *Server) EventLoops() (conn.EventLoops, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining: // or stopped
		return conn.EventLoops{}, ErrServerClosed
	case s.run == nil:
		return conn.EventLoops{}, errNotStarted
	}
	return conn.EventLoops(session.ShareLoops(loop.Shared{All: s.run.engine})), nil
}
