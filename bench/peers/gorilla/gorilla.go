// Package gorilla has servers made with github.com/gorilla/websocket.
package gorilla

import (
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/framerail/framerail/bench/peers/peer"
)

// New follows gorilla's package documentation: buffers of 1,024 bytes as in its overview, a
// write buffer pool as in "Buffers" ("useful when the application has a modest number writes
// over a large number of connections"), and the echo loop of its overview and of its echo
// example. The loop runs on a goroutine of its own, as in its chat example, so that what the
// HTTP server holds for the request can be collected. Broadcasts are a PreparedMessage, which
// frames a message once. It compresses each message by itself: it has no other way.
func New(o peer.Options) peer.Server {
	upgrader := websocket.Upgrader{
		ReadBufferSize:    1024,
		WriteBufferSize:   1024,
		WriteBufferPool:   new(sync.Pool),
		EnableCompression: o.Deflate != peer.NoDeflate,
	}
	var hub peer.Hub[*websocket.Conn]
	return peer.NewHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c.SetReadLimit(peer.MaxMessage)
		if o.Work == peer.Broadcast {
			go broadcast(c, &hub)
		} else {
			go echo(c, o.Work)
		}
	})
}

func echo(c *websocket.Conn, work peer.Work) {
	defer c.Close()
	for {
		messageType, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		work.Take(len(p))
		if err := c.WriteMessage(messageType, p); err != nil {
			return
		}
	}
}

func broadcast(c *websocket.Conn, hub *peer.Hub[*websocket.Conn]) {
	defer c.Close()
	hub.Add(c)
	defer hub.Remove(c)
	for {
		messageType, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		prepared, err := websocket.NewPreparedMessage(messageType, p)
		if err != nil {
			return
		}
		// A connection that fails ends by its own reads.
		hub.Each(func(c *websocket.Conn) { _ = c.WritePreparedMessage(prepared) })
	}
}
