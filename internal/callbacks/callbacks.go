// Package callbacks turns the callbacks of a server's or a client's options into those that the
// machine of a connection calls. The machine has a type of its own for each of their arguments. It also
// turns the machine's counters into those that programs see.
package callbacks

import (
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// Set has the callbacks of the options. Each may be nil.
type Set struct {
	Connection func(*conn.Conn)
	Message    func(*conn.Conn, conn.Message)
	Stream     func(*conn.Conn, *conn.Reader)
	Ping       func(*conn.Conn, []byte)
	Pong       func(*conn.Conn, []byte)
	Close      func(*conn.Conn, conn.CloseInfo)
	Drained    func(*conn.Conn)
}

// Handlers are the callbacks as the machine calls them.
func (s *Set) Handlers() (h session.Handlers) {
	h.Open, h.Drained = OnConn(s.Connection), OnConn(s.Drained)
	h.Ping, h.Pong = onControl(s.Ping), onControl(s.Pong)
	if f := s.Message; f != nil {
		h.Message = func(c *session.Conn, m session.Message) {
			f((*conn.Conn)(c), conn.Message{
				Type: conn.MessageType(m.Type), Payload: m.Payload, Valid: m.Type == session.Text,
			})
		}
	}
	if f := s.Stream; f != nil {
		h.Stream = func(c *session.Conn, r *session.Reader) { f((*conn.Conn)(c), (*conn.Reader)(r)) }
	}
	if f := s.Close; f != nil {
		h.Close = func(c *session.Conn, _ session.CloseInfo) {
			info, _ := (*conn.Conn)(c).CloseInfo()
			f((*conn.Conn)(c), info)
		}
	}
	return h
}

// OnConn is a callback that gets only the connection; nil for nil. It is not inlined, so that stacks
// show where the program's functions end.
//
//go:noinline
func OnConn(f func(*conn.Conn)) func(*session.Conn) {
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
