// Command feed sends the prices of many things to all clients. A newcomer gets the last price of each thing
// first. A slow client misses some prices, but never the latest price of a thing. That arrives behind the bytes
// that are on their way already, which on linux is little more than the client's own receive buffer.
//
// A client of /?all=1 misses none. If it is too slow, it is closed with 1013 (Try Again Later) instead. So it
// knows that it has to start again.
//
// The page draws what a client sees that reads all, and beside it what one sees that reads slowly.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/topics"
)

//go:embed index.html
var page embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	things := flag.Int("things", 100, "how many things have prices")
	every := flag.Duration("every", 100*time.Millisecond, "how often prices change")
	depth := flag.Int("depth", 5, "how many prices each has: for one, for two, and so on")
	pace := flag.Int("slow", 200, "how many messages a second the slow reader of the page reads; 0: there is none")
	flag.Parse()

	// From here on Ctrl-C and SIGTERM end ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	feed := &topics.Topics{MaxTopics: -1, History: func(string) topics.History { return topics.History{Last: true} }}
	slow := &slowReader{topics: feed}
	slow.pace.Store(int64(*pace))
	srv := &server.Server{Addr: *addr, Overflow: conn.OverflowLatest, Handler: http.FileServerFS(page)}
	srv.OnConnection = func(c *conn.Conn) {
		r, _ := c.Request()
		if r.URL.Query().Has("all") {
			c.SetOverflow(conn.OverflowClose)
		}
		if r.URL.Query().Has("slow") { // the page
			_, _ = feed.Subscribe(c, seenBySlow)
		}
		for i := range *things {
			_, _ = feed.Subscribe(c, topicOf(i))
		}
	}
	srv.OnMessage = func(_ *conn.Conn, m conn.Message) { // of the page
		if n, err := strconv.Atoi(m.String()); err == nil {
			slow.pace.Store(int64(min(max(n, 1), 10000)))
		}
	}
	srv.OnClose = func(c *conn.Conn, info conn.CloseInfo) { // which tells what was dropped, too
		log.Printf("%v: %v", c.RemoteAddr(), info)
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%v/\n", srv.ListenAddr())

	if *pace > 0 {
		go slow.run(ctx, fmt.Sprintf("ws://%v/", srv.ListenAddr()))
	}
	publish(ctx, feed, *things, *depth, *every)
	stop() // a second signal ends the program at once

	// Each client gets 1001, Going Away, and has CloseTimeout, 5 s, to answer. Then it is cut.
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}

// update is one message.
type update struct {
	Thing  string `json:"thing"`
	Round  int    `json:"round"`
	Prices []int  `json:"prices"`
}

func topicOf(thing int) string { return fmt.Sprintf("prices.thing-%d", thing) }

// publish publishes new prices of each thing, again and again until ctx is done.
func publish(ctx context.Context, feed *topics.Topics, things, depth int, every time.Duration) {
	now, prices := make([]int, things), make([]int, depth)
	for thing := range now {
		now[thing] = 1000 + rand.IntN(100)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for round := 1; ; round++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for thing := range things {
			now[thing] = min(max(now[thing]+rand.IntN(21)-10, 1000), 1099)
			for i := range prices {
				prices[i] = (i + 1) * now[thing]
			}
			key := fmt.Sprintf("thing-%d", thing)
			message, err := json.Marshal(update{key, round, prices})
			if err != nil {
				log.Fatal(err)
			}
			// JSON is UTF-8, so Valid saves the check. Publish encodes the message once for all, and
			// never waits: it fails if the event loops are behind.
			_, _ = feed.Publish(topicOf(thing), conn.Message{Type: conn.Text, Key: key, Payload: message, Valid: true})
		}
	}
}
