package main

import (
	"context"
	"encoding/json"
	"net"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
)

// seenBySlow is the topic of what the slow reader sees of the first thing.
const seenBySlow = "slow.thing-0"

// slowReader is a client that reads slowly, for the page to draw.
type slowReader struct {
	topics *topics.Topics
	pace   atomic.Int64 // messages a second
}

// seen is a message to the page.
type seen struct {
	Slow   update `json:"slow"`
	Pace   int64  `json:"pace"`
	Missed int    `json:"missed"` // rounds, in all
}

// run connects again and again, until ctx is done.
func (s *slowReader) run(ctx context.Context, url string) {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4 << 10) // what waits here is old when it is read
		}
		return c, err
	}
	c := &client.Client{DialContext: dial}
	defer c.Close()
	for ctx.Err() == nil {
		if ws, err := c.Dial(ctx, url); err == nil {
			s.read(ctx, ws)
		}
		sleep(ctx, time.Second)
	}
}

// read reads a connection to its end.
func (s *slowReader) read(ctx context.Context, ws *conn.Conn) {
	missed, last := 0, 0
	for m, err := range ws.Messages(ctx) {
		if err != nil {
			return
		}
		var u update
		if json.Unmarshal(m.Payload, &u) == nil && u.Thing == "thing-0" {
			if last > 0 {
				missed += u.Round - last - 1
			}
			last = u.Round
			b, _ := json.Marshal(seen{u, s.pace.Load(), missed})
			_, _ = s.topics.Publish(seenBySlow, conn.Message{Type: conn.Text, Payload: b})
		}
		sleep(ctx, time.Second/time.Duration(s.pace.Load()))
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
