// Command behind-nginx is a server that nginx stands before, with the nginx.conf beside it.
// It tells each client the address that it has, and sends back what it says.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen: where nginx alone can reach it")
	flag.Parse()

	// From here on Ctrl-C and SIGTERM end ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{Addr: *addr, Path: "/ws"}
	// nginx connects from this machine: its word is taken for where clients are, and for
	// whether they came by https. Limits by address, and the log, go by that.
	srv.Proxies.Forwarded.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	srv.OnConnection = func(c *conn.Conn) {
		_ = c.SendText("you are " + c.RemoteAddr().Addr().String())
	}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		_ = c.SendMessage(m) // fails only if c is closing
	}
	srv.OnClose = func(c *conn.Conn, info conn.CloseInfo) {
		log.Printf("%v: %v", c.RemoteAddr(), info)
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ws://%v/ws\n", srv.ListenAddr())

	<-ctx.Done()
	stop() // a second signal ends the program at once

	// Each client gets 1001, Going Away, through nginx, and has CloseTimeout, 5 s, to answer. Then it is cut.
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}
