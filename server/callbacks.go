package server

import (
	"github.com/framerail/framerail/internal/callbacks"
	"github.com/framerail/framerail/internal/session"
)

// config is what the options say about connections.
func (s *Server) config() session.Config {
	return session.Config{
		Handlers:               s.handlers(),
		Dispatch:               session.Dispatch(s.Dispatch),
		MaxMessageSize:         s.MaxMessageSize,
		MaxFragments:           s.MaxFragments,
		MaxPending:             s.MaxPending,
		MessagesPerSecond:      s.MessagesPerSecond,
		ControlFramesPerSecond: s.ControlFramesPerSecond,
		CompressionPerSecond:   s.CompressionPerSecond,
		Overflow:               session.Overflow(s.Overflow),
		UnsentLimit:            s.TCP.UnsentLimit,
		QueueMessages:          s.QueueMessages,
		QueueBytes:             s.QueueBytes,
		IdleTimeout:            s.IdleTimeout,
		PingInterval:           s.PingInterval,
		WriteTimeout:           s.WriteTimeout,
		CloseTimeout:           s.CloseTimeout,
		Deflate:                session.Deflate{Level: s.DeflateLevel, Threshold: s.DeflateThreshold},
		Logger:                 s.Logger,
		Request:                httpRequest,
	}
}

// handlers are the program's callbacks, as the machine of a connection calls them.
func (s *Server) handlers() session.Handlers {
	set := callbacks.Set{
		Connection: s.OnConnection, Message: s.OnMessage, Stream: s.OnStream, Ping: s.OnPing, Pong: s.OnPong,
		Close: s.OnClose, Drained: s.OnDrained,
	}
	return set.Handlers()
}
