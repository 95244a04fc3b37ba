// Command echo is what coder's echo example is: a server of the subprotocol "echo" that answers no faster than
// one message in -every, once -burst came at once. Meanwhile it does not read, so its clients wait.
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
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	every := flag.Duration("every", 100*time.Millisecond, "the time for one message")
	burst := flag.Int("burst", 10, "how many may come at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{Addr: *addr, Subprotocols: []string{"echo"}, Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) {
		if err := echo(c, *every, *burst); err != nil {
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

// echo answers until the connection ends.
func echo(c *conn.Conn, every time.Duration, burst int) error {
	if c.Subprotocol() != "echo" {
		return c.Close(frame.PolicyViolation, "speak the subprotocol echo")
	}
	spent := time.Now().Add(-every * time.Duration(burst)) // when all messages so far are paid for
	for m, err := range c.Messages(context.Background()) {
		if err != nil {
			return err
		}
		if now := time.Now(); spent.Before(now.Add(-every * time.Duration(burst))) {
			spent = now.Add(-every * time.Duration(burst))
		}
		spent = spent.Add(every)
		time.Sleep(time.Until(spent))
		if err := c.SendMessage(m); err != nil {
			return err
		}
	}
	return nil
}
