// Command feed sends the prices of many things to all clients. A slow client misses some prices, but never the
// latest price of a thing. That arrives behind the bytes that are on their way already, which on linux is
// little more than the client's own receive buffer.
//
// A client of /?all=1 misses none. If it is too slow, it is closed with 1013 (Try Again Later) instead. So it
// knows that it has to start again.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	things := flag.Int("things", 100, "how many things have prices")
	every := flag.Duration("every", 100*time.Millisecond, "how often prices change")
	depth := flag.Int("depth", 5, "how many prices each has: for one, for two, and so on")
	flag.Parse()

	// From here on Ctrl-C and SIGTERM end ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{Addr: *addr, Overflow: conn.OverflowLatest}
	srv.OnConnection = func(c *conn.Conn) {
		if r, _ := c.Request(); r.URL.Query().Has("all") {
			c.SetOverflow(conn.OverflowClose)
		}
	}
	srv.OnClose = func(c *conn.Conn, info conn.CloseInfo) { // which tells what was dropped, too
		log.Printf("%v: %v", c.RemoteAddr(), info)
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ws://%v/\n", srv.ListenAddr())

	publish(ctx, srv, *things, *depth, *every)
	stop() // a second signal ends the program at once

	// Each client gets 1001, Going Away, and has CloseTimeout, 5 s, to answer. Then it is cut.
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}

// publish sends new prices of each thing to each client, again and again until ctx is done.
func publish(ctx context.Context, srv *server.Server, things, depth int, every time.Duration) {
	keys, prices := make([]string, things), make([]int, depth)
	for i := range keys {
		keys[i] = fmt.Sprintf("thing-%d", i)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for round := 1; ; round++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, key := range keys {
			for i := range prices {
				prices[i] = (i + 1) * (1000 + rand.IntN(100))
			}
			message, err := json.Marshal(update{key, round, prices})
			if err != nil {
				log.Fatal(err)
			}
			for c := range srv.Clients() {
				// JSON is UTF-8, so Valid saves the check for each client. SendMessage copies
				// the message, and never waits.
				_ = c.SendMessage(conn.Message{Type: conn.Text, Key: key, Payload: message, Valid: true})
			}
		}
	}
}

// update is one message.
type update struct {
	Thing  string `json:"thing"`
	Round  int    `json:"round"`
	Prices []int  `json:"prices"`
}
