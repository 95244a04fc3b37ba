// Command echo sends every message back to where it came from.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()

	// From here on Ctrl-C and SIGTERM end ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{Addr: *addr}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		_ = c.SendMessage(m) // fails only if c is closing
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ws://%v/\n", srv.ListenAddr())

	<-ctx.Done()
	stop() // a second signal ends the program at once

	// Each client gets 1001, Going Away, and has CloseTimeout, 5 s, to answer. Then it is cut.
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}
