package server

import (
	"github.com/framerail/framerail/conn"
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
func (s *Server) handlers() (h session.Handlers) {
	h.Open, h.Drained = onConn(s.OnConnection), onConn(s.OnDrained)
	h.Ping, h.Pong = onControl(s.OnPing), onControl(s.OnPong)
	if f := s.OnMessage; f != nil {
		h.Message = func(c *session.Conn, m session.Message) {
			f((*conn.Conn)(c), conn.Message{
				Type: conn.MessageType(m.Type), Payload: m.Payload, Valid: m.Type == session.Text,
			})
		}
	}
	if f := s.OnStream; f != nil {
		h.Stream = func(c *session.Conn, r *session.Reader) { f((*conn.Conn)(c), (*conn.Reader)(r)) }
	}
	if f := s.OnClose; f != nil {
		h.Close = func(c *session.Conn, _ session.CloseInfo) {
			info, _ := (*conn.Conn)(c).CloseInfo()
			f((*conn.Conn)(c), info)
		}
	}
	return h
}

func onConn(f func(*conn.Conn)) func(*session.Conn) {
	if f == nil {
		return nil
	}
	return func(c *session.Conn) { f((*conn.Conn)(c)) }
}

func onControl(f func(*conn.Conn, []byte)) func(*session.Conn, []byte) {
	if f == nil {
		return nil
	}
	return func(c *session.Conn, payload []byte) { f((*conn.Conn)(c), payload) }
}
