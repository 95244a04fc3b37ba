//go:build faults && linux

package client

import (
	"bufio"
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/inject"
)

// Each call of the system that this package makes for a dial, an echo and a close fails once. The dial fails,
// or the connection ends, or nothing is noticed. Nothing hangs, and nothing is left behind: TestMain looks.
func TestTorture(t *testing.T) {
	url := serveFrames(t, "", func(nc net.Conn, r *bufio.Reader) {
		for {
			h, payload, err := readFrame(r)
			if err != nil {
				return
			}
			h.Masked = false
			_, _ = nc.Write(frame.AppendFrame(nil, h, payload))
			if h.Opcode == frame.Close {
				return
			}
		}
	})
	for name, dial := range map[string]dialFunc{"moved": nil, "relayed": dialWrapped} {
		for site := range inject.Sites {
			if site == inject.Close { // whose failure leaves a descriptor
				continue
			}
			calls := 0
			for n := int64(1); ; n++ {
				var called atomic.Int64
				inject.Plan(func(s inject.Site) syscall.Errno {
					if s == site && called.Add(1) == n {
						return syscall.ENOMEM
					}
					return 0
				})
				converseOnce(t, dial, url)
				inject.Plan(nil)
				if called.Load() < n {
					break
				}
				if calls++; calls == 50 {
					break
				}
			}
			t.Logf("%s: %v failed at %d places", name, site, calls)
		}
	}
}

// converseOnce dials, sends a message, and closes when it is back.
func converseOnce(t *testing.T, dial dialFunc, url string) {
	ended := make(chan struct{})
	c := &Client{
		DialContext: dial, Logger: quiet,
		Limits:    Limits{Limits: conn.Limits{CloseTimeout: 500 * time.Millisecond, IdleTimeout: time.Second}, HandshakeTimeout: time.Second},
		OnMessage: func(c *conn.Conn, _ conn.Message) { _ = c.Close(1000, "") },
		OnClose:   func(*conn.Conn, conn.CloseInfo) { close(ended) },
	}
	ws, err := c.Dial(context.Background(), url)
	if err == nil {
		_ = ws.SendText("hello")
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("the connection does not end")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Shutdown(ctx); ctx.Err() != nil {
		t.Error(err)
	}
}
