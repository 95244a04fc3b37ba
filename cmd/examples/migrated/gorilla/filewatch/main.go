// Command filewatch is what gorilla's filewatch example is: a client sees a file, and sees it again whenever it
// has changed. One goroutine for each client both watches and reads: a wait for a message that is over in time does
// not end the connection.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	file := flag.String("file", "README.md", "the file to show")
	every := flag.Duration("every", time.Second, "how often to look at it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{Addr: *addr, Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) { follow(c, *file, *every) }
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ws://%v/\n", srv.ListenAddr())

	<-ctx.Done()
	stop() // a second signal ends the program at once
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}

// follow sends the file when it has changed, and when the client asks with any message.
func follow(c *conn.Conn, file string, every time.Duration) {
	var seen time.Time
	for {
		if info, err := os.Stat(file); err != nil {
			_ = c.SendText(err.Error())
			seen = time.Time{}
		} else if changed := info.ModTime(); !changed.Equal(seen) {
			text, err := os.ReadFile(file)
			if err != nil {
				text = []byte(err.Error())
			}
			if c.SendText(strings.ToValidUTF8(string(text), "?")) != nil {
				return
			}
			seen = changed
		}

		ctx, cancel := context.WithTimeout(context.Background(), every)
		_, err := c.Receive(ctx)
		cancel()
		switch {
		case err == nil:
			seen = time.Time{}
		case !errors.Is(err, context.DeadlineExceeded):
			return // the connection has ended
		}
	}
}
