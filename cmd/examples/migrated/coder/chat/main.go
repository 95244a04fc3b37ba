// Command chat is what coder's chat example is: messages come by POST to /publish, and go to everybody at
// /subscribe. A subscriber that falls behind is closed, without a channel or a goroutine for it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http"
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
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{Addr: *addr, Path: "/subscribe"}
	srv.MaxPending = 64 << 10 // what may wait for one subscriber; beyond it 1013, Try Again Later
	srv.OnConnection = func(c *conn.Conn) {
		// Subscribers have nothing to say. One that says something is closed.
		go refuse(c, c.Messages(context.Background()))
	}
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/publish" {
			http.NotFound(w, r)
			return
		}
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<10))
		if err != nil {
			http.Error(w, "a message has at most 8 KiB", http.StatusRequestEntityTooLarge)
			return
		}
		for c := range srv.Clients() {
			_ = c.Send(conn.Text, text)
		}
		w.WriteHeader(http.StatusAccepted)
	})
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

// refuse reads, and closes a connection that has a message.
func refuse(c *conn.Conn, messages iter.Seq2[conn.Message, error]) {
	for _, err := range messages {
		if err == nil {
			_ = c.Close(frame.PolicyViolation, "subscribers only listen")
		}
	}
}
