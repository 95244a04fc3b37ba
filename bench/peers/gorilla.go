package peers

import (
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// newGorilla follows gorilla's package documentation: buffers of 1,024 bytes as
// in its overview, a write buffer pool as in "Buffers" ("useful when the
// application has a modest number writes over a large number of connections"),
// and the echo loop of its overview and of its echo example. The loop runs on a
// goroutine of its own, as in its chat example, so that what the HTTP server
// holds for the request can be collected.
func newGorilla() Server { return gorillaWith(false) }

// newGorillaAlone compresses each message by itself, the one way that gorilla has.
func newGorillaAlone() Server { return gorillaWith(true) }

func gorillaWith(compression bool) Server {
	upgrader := websocket.Upgrader{
		ReadBufferSize:    1024,
		WriteBufferSize:   1024,
		WriteBufferPool:   new(sync.Pool),
		EnableCompression: compression,
	}
	return newHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c.SetReadLimit(MaxMessage)
		go gorillaEcho(c)
	})
}

func gorillaEcho(c *websocket.Conn) {
	defer c.Close()
	for {
		messageType, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		if err := c.WriteMessage(messageType, p); err != nil {
			return
		}
	}
}
