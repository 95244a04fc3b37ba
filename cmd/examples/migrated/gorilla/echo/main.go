// Command echo is what gorilla's echo example is: a server whose connections each have a loop that reads
// and answers. With -dial it is the client, which sends the time and prints what comes back.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	url := flag.String("dial", "", "be the client of the server with this URL")
	every := flag.Duration("every", time.Second, "how often the client sends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	if *url != "" {
		if err := tick(ctx, *url, *every, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	srv := &server.Server{Addr: *addr, Dispatch: conn.OnGoroutines, OnConnection: echo}
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

// echo sends every message back. It may block, since callbacks run on goroutines.
func echo(c *conn.Conn) {
	for m, err := range c.Messages(context.Background()) {
		if err != nil {
			log.Print("read: ", err)
			return
		}
		if err := c.SendMessage(m); err != nil {
			return // it is closing
		}
	}
}

// tick sends the time to an echo server, and prints its answers, until ctx is done.
func tick(ctx context.Context, url string, every time.Duration, out io.Writer) error {
	cl := new(client.Client)
	defer cl.Close()
	c, err := cl.Dial(ctx, url)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := c.SendText(time.Now().Format(time.RFC3339Nano)); err != nil {
			return err
		}
		m, err := c.Receive(ctx)
		if err != nil {
			break
		}
		fmt.Fprintln(out, "got", m)
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
	if err := c.Close(frame.NormalClosure, ""); err != nil {
		return err
	}
	for { // until the server has answered the Close frame
		if _, err := c.Receive(context.Background()); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
