package peers

import (
	"context"
	"io"
	"net/http"

	"github.com/coder/websocket"
)

// newCoder follows the echo example that coder's README calls production
// quality: one Reader and one Writer for each message, joined by io.Copy, in the
// HTTP handler itself. Its rate limit is left out, and with it the deadline for
// each message, since a connection here may be idle for as long as it likes;
// the context is not the request's, which the README advises against.
func newCoder() Server {
	return newHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(MaxMessage)
		ctx := context.Background()
		for coderEcho(ctx, c) == nil {
		}
	})
}

func coderEcho(ctx context.Context, c *websocket.Conn) error {
	messageType, r, err := c.Reader(ctx)
	if err != nil {
		return err
	}
	w, err := c.Writer(ctx, messageType)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Close()
}
