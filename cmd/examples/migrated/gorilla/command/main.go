// Command command is what gorilla's command example is: each connection has a process of its own. A message
// is a line of its input, and each line of its output is a message.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	args := flag.Args()
	if len(args) == 0 {
		args = []string{"cat"}
	}
	srv := &server.Server{Addr: *addr, Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) {
		err := serve(c, args)
		if err == nil {
			_ = c.Close(frame.NormalClosure, "the process has ended")
		} else if !errors.Is(err, conn.ErrClosed) {
			log.Print(err)
			_ = c.Close(frame.InternalError, "")
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

// serve runs a process until it ends, or the connection.
func serve(c *conn.Conn, args []string) error {
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer cancel() // the loop below ends with the output
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			// It waits, so that a process is no faster than the client reads.
			if c.SendWait(ctx, conn.Message{Type: conn.Text, Payload: lines.Bytes()}) != nil {
				return
			}
		}
	}()
	err = feed(ctx, c, in)
	_ = in.Close()
	cancel()
	_ = cmd.Wait() // it was killed, or its output has ended
	return err
}

// feed writes the messages to the process. It returns nil when the output of the process has ended.
func feed(ctx context.Context, c *conn.Conn, in io.Writer) error {
	for m, err := range c.Messages(ctx) {
		if errors.Is(err, context.Canceled) {
			return nil
		} else if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(in, "%s\n", m.Payload); err != nil {
			return nil // it reads no more
		}
	}
	return conn.ErrClosed
}
