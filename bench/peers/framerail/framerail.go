// Package framerail has the servers made with framerail.
package framerail

import (
	"errors"
	"net"
	"time"

	"github.com/framerail/framerail/bench/peers/peer"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/topics"
)

// Server is a server with the limits that the others have here. The bound on pending bytes
// follows that on messages, or the largest echoes would not fit.
type Server struct{ server.Server }

// New runs callbacks on the loop, the default. If all of them sleep they run on goroutines: on
// the loop they must not. Those that seldom stall or compute show what becomes of the others there.
func New(o peer.Options) peer.Server {
	if o.Work == peer.Sleep {
		return NewGoroutines(o)
	}
	return newServer(o, conn.OnLoop)
}

// NewGoroutines runs callbacks on goroutines, where they may block, as those of most other
// servers here may.
func NewGoroutines(o peer.Options) peer.Server { return newServer(o, conn.OnGoroutines) }

// NewAdaptive runs callbacks on the loop, which goes on without one that blocks.
func NewAdaptive(o peer.Options) peer.Server { return newServer(o, conn.Adaptive) }

// NewTakeover compresses with context takeover both ways, in windows of so many bits.
func NewTakeover(windowBits int) peer.Server {
	s := newServer(peer.Options{Deflate: peer.Takeover}, conn.OnLoop)
	s.Deflate.ServerWindowBits, s.Deflate.ClientWindowBits = windowBits, windowBits
	return s
}

func newServer(o peer.Options, dispatch conn.Dispatch) *Server {
	s := &Server{server.Server{
		Dispatch: dispatch,
		Deflate: server.Deflate{
			Enabled:        o.Deflate != peer.NoDeflate,
			ServerTakeover: o.Deflate == peer.Takeover,
			ClientTakeover: o.Deflate == peer.Takeover,
		},
		Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: peer.MaxMessage, MaxPending: peer.MaxMessage + 1<<10}},
	}}
	// No pings to quiet connections: the others here send none, and the clients take none. Without any limit
	// the system would probe the peers instead.
	s.IdleTimeout, s.PingInterval = 24*time.Hour, 24*time.Hour
	s.HandshakesPerSecond = -1 // nor do the others pace newcomers
	s.OnMessage = echo
	switch o.Work {
	case peer.Broadcast:
		s.OnMessage = s.broadcast
	case peer.Sleep, peer.Stall, peer.Compute:
		s.OnMessage = func(c *conn.Conn, m conn.Message) {
			o.Work.Take(len(m.Payload))
			_ = c.SendMessage(m)
		}
	}
	return s
}

func echo(c *conn.Conn, m conn.Message) {
	// A send fails only when the peer is closing; the close callback would tell.
	_ = c.SendMessage(m)
}

// broadcast prepares the message, so that it is framed once for all.
func (s *Server) broadcast(_ *conn.Conn, m conn.Message) {
	p, err := conn.Prepare(m)
	if err != nil {
		return
	}
	for c := range s.Clients() {
		_ = c.SendPrepared(p)
	}
}

// NewTopics broadcasts by a topic, of which all connections are members.
func NewTopics(o peer.Options) peer.Server {
	var all topics.Topics
	s := newServer(o, conn.OnLoop)
	s.OnConnection = func(c *conn.Conn) {
		if _, err := all.Subscribe(c, "all"); err != nil {
			_ = c.Close(frame.InternalError, "")
		}
	}
	s.OnMessage = func(c *conn.Conn, m conn.Message) {
		if _, err := all.Publish("all", m); err != nil {
			_ = c.Close(frame.InternalError, "")
		}
	}
	return s
}

// Unwatched turns off the watchdog over callbacks. Its lines in the log cost allocations,
// and on a busy machine a large message takes long enough for one.
func (s *Server) Unwatched() { s.SlowCallback = -1 }

func (s *Server) Serve(ln net.Listener) error { return ended(s.Server.Serve(ln)) }

// ended is the error of a server that has ended: that it was closed is none.
func ended(err error) error {
	if errors.Is(err, server.ErrServerClosed) {
		return nil
	}
	return err
}

// NewTLS speaks TLS on the loop.
func NewTLS() peer.Server {
	s := newServer(peer.Options{}, conn.OnLoop)
	s.TLSConfig = peer.SelfSigned()
	return secure{s}
}

type secure struct{ *Server }

func (s secure) Serve(ln net.Listener) error { return ended(s.ServeTLS(ln, "", "")) }
