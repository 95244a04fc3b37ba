package server

import (
	"cmp"

	"github.com/framerail/framerail/internal/callbacks"
	"github.com/framerail/framerail/internal/session"
)

// config is what the options say about connections.
func (s *Server) config() session.Config {
	cfg := session.Limits(s.Limits.Limits).Config()
	cfg.Handlers = s.handlers()
	cfg.AutoAnswer = session.AutoAnswer(s.AutoAnswer)
	cfg.Dispatch = session.Dispatch(s.Dispatch)
	cfg.Overflow = session.Overflow(s.Overflow)
	cfg.UnsentLimit = s.TCP.UnsentLimit
	cfg.PingInterval = s.PingInterval
	cfg.MaxLifetime = cmp.Or(s.MaxLifetime, defaultMaxLifetime)
	cfg.Logger = s.Logger
	cfg.Request = httpRequest
	return cfg
}

// handlers are the program's callbacks, as the machine of a connection calls them.
func (s *Server) handlers() session.Handlers {
	set := callbacks.Set{
		Connection: s.OnConnection, Message: s.OnMessage, Stream: s.OnStream, Ping: s.OnPing, Pong: s.OnPong,
		Close: s.OnClose, Drained: s.OnDrained,
	}
	return set.Handlers()
}
