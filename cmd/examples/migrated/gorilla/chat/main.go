// Command chat is what gorilla's chat example is, without the hub's goroutine, its channels and the two
// pumps of each client: a loop that reads, and a map with a mutex.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// room is everybody who is connected.
type room struct {
	mu      sync.Mutex
	clients map[*conn.Conn]bool
}

// enter takes a client in. It returns a function that takes the client out again.
func (r *room) enter(c *conn.Conn) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients[c] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.clients, c)
	}
}

// tell sends a message to everybody. It never waits: a client that does not read is closed in time.
func (r *room) tell(m conn.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clients {
		_ = c.SendMessage(m)
	}
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	lobby := &room{clients: map[*conn.Conn]bool{}}
	srv := &server.Server{Addr: *addr, Dispatch: conn.OnGoroutines}
	srv.MaxMessageSize = 512
	srv.OnConnection = func(c *conn.Conn) {
		defer lobby.enter(c)()
		for m, err := range c.Messages(context.Background()) {
			if err != nil {
				log.Print("read: ", err)
				return
			}
			lobby.tell(m)
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
