// Command chat is a chat room and the page for it, on one port.
package main

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"log"
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

//go:embed index.html
var page embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()

	// From here on Ctrl-C and SIGTERM end ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{Addr: *addr, Path: "/chat", Handler: http.FileServerFS(page)}
	srv.OnConnection = func(c *conn.Conn) {
		r, _ := c.Request()
		name := strings.ToValidUTF8(r.URL.Query().Get("name"), "?") // text that is not UTF-8 is not sent
		tell := func(text string) {
			for other := range srv.Clients() { // all but c, until OnConnection returns
				_ = other.SendText(text) // never blocks; a client that does not read is closed in time
			}
		}
		tell(name + " joined")
		c.OnMessage(func(c *conn.Conn, m conn.Message) {
			if m.Type != conn.Text {
				_ = c.Close(frame.UnsupportedData, "the chat is text")
				return
			}
			tell(name + ": " + m.String())
		})
		c.OnClose(func(*conn.Conn, conn.CloseInfo) { tell(name + " left") })
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%v/\n", srv.ListenAddr())

	<-ctx.Done()
	stop() // a second signal ends the program at once

	// Each client gets 1001, Going Away, and has CloseTimeout, 5 s, to answer. Then it is cut.
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}
