// Command stream is for programs that wrapped gorilla's connection in a reader of their own: a line protocol
// over a net.Conn, with package bufio, that knows nothing of messages. Lines are "set NAME TEXT" and "get NAME".
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// store is what the clients have set.
type store struct{ sync.Map }

// serve answers the lines of one client.
func (s *store) serve(c net.Conn) error {
	defer c.Close()
	out := bufio.NewWriter(c)
	for lines := bufio.NewScanner(c); ; {
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
		if !lines.Scan() {
			return lines.Err() // nil for io.EOF: the client has closed
		}
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		name, text, _ := strings.Cut(rest, " ")
		switch verb {
		case "set":
			s.Store(name, text)
			fmt.Fprintln(out, "ok")
		case "get":
			if text, ok := s.Load(name); ok {
				fmt.Fprintln(out, text)
			} else {
				fmt.Fprintln(out, "none")
			}
		default:
			fmt.Fprintln(out, "what is", verb)
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	all := new(store)
	srv := &server.Server{Addr: *addr, Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) {
		if err := all.serve(conn.NetConn(c, conn.Binary)); err != nil {
			log.Print(err)
		}
	}
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
