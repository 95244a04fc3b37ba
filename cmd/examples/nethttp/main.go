// Command nethttp has WebSockets at a path with a wildcard of net/http's own mux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()

	// From here on Ctrl-C and SIGTERM end ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}

	ws := &server.Server{} // it listens nowhere: Upgrade gives it its connections
	web := &http.Server{Handler: service(ws), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	fmt.Printf("http://%v/\n", ln.Addr())

	<-ctx.Done()
	stop() // a second signal ends the program at once

	// net/http does not know the WebSockets. Shut it down first, then them.
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if err := web.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	if _, err := ws.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}

// service is all that the program serves.
func service(ws *server.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "There are WebSockets at /rooms/{room}.")
	})
	mux.HandleFunc("GET /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
		// On an error the client has its answer, and the log has a line.
		_ = ws.Upgrade(w, r, answerAs(r.PathValue("room")))
	})
	return mux
}

// answerAs has a connection answer in a room's name, which may be any bytes: text that is
// not UTF-8 is not sent.
func answerAs(room string) func(*conn.Conn) {
	room = strings.ToValidUTF8(room, "?")
	return func(c *conn.Conn) {
		c.OnMessage(func(c *conn.Conn, m conn.Message) {
			if m.Type != conn.Text {
				_ = c.Close(frame.UnsupportedData, "the rooms are for text")
				return
			}
			_ = c.SendText(room + ": " + m.String()) // fails only if c is closing
		})
	}
}
