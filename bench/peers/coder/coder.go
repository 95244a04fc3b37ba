// Package coder has servers made with github.com/coder/websocket.
package coder

import (
	"context"
	"net/http"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/bench/peers/peer"
)

// New follows the shape of the echo example that coder's README calls production quality,
// one loop in the HTTP handler itself, but with Read and Write, its documented calls for
// whole messages, where the example joins a Reader and a Writer with io.Copy: that costs it a
// 32 KiB buffer for each message and up to twice the CPU. The example's rate limit is left
// out, and with it the deadline for each message, since a connection here may be idle for as
// long as it likes; the context is not the request's, which the README advises against.
// coder has no call that frames a message once for many connections.
func New(o peer.Options) peer.Server {
	compression := websocket.CompressionDisabled
	switch o.Deflate {
	case peer.Takeover:
		compression = websocket.CompressionContextTakeover
	case peer.Alone:
		compression = websocket.CompressionNoContextTakeover
	}
	s := &server{work: o.Work}
	return peer.NewHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: compression})
		if err != nil {
			return
		}
		c.SetReadLimit(peer.MaxMessage)
		s.serve(c)
	})
}

type server struct {
	work peer.Work
	hub  peer.Hub[*websocket.Conn]
}

func (s *server) serve(c *websocket.Conn) {
	defer c.CloseNow()
	if s.work == peer.Broadcast {
		s.hub.Add(c)
		defer s.hub.Remove(c)
	}
	ctx := context.Background()
	for {
		messageType, p, err := c.Read(ctx)
		if err != nil {
			return
		}
		if s.work == peer.Broadcast {
			// A connection that fails ends by its own reads.
			s.hub.Each(func(c *websocket.Conn) { _ = c.Write(ctx, messageType, p) })
			continue
		}
		s.work.Take(len(p))
		if err := c.Write(ctx, messageType, p); err != nil {
			return
		}
	}
}
