package peers

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// newCoder follows the shape of the echo example that coder's README calls
// production quality, one loop in the HTTP handler itself, but with Read and
// Write, its documented calls for whole messages, where the example joins a
// Reader and a Writer with io.Copy: that costs it a 32 KiB buffer for each
// message and up to twice the CPU. The example's rate limit is left out, and
// with it the deadline for each message, since a connection here may be idle
// for as long as it likes; the context is not the request's, which the README
// advises against.
func newCoder() Server { return coderWith(websocket.CompressionDisabled) }

// newCoderTakeover and newCoderAlone are the two ways of compressing that coder has.
func newCoderTakeover() Server { return coderWith(websocket.CompressionContextTakeover) }

func newCoderAlone() Server { return coderWith(websocket.CompressionNoContextTakeover) }

func coderWith(compression websocket.CompressionMode) Server {
	return newHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: compression})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(MaxMessage)
		ctx := context.Background()
		for {
			messageType, p, err := c.Read(ctx)
			if err != nil {
				return
			}
			if err := c.Write(ctx, messageType, p); err != nil {
				return
			}
		}
	})
}
