package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/server"
)

// A client that is closed, or shut down, while many dial leaves no connection behind. Each dial has one, or fails with
// ErrClientClosed, or is closed at once.
func TestClose_AtAnyMoment(t *testing.T) {
	var open atomic.Int64
	url := start(t, &server.Server{
		OnConnection: func(*conn.Conn) { open.Add(1) },
		OnClose:      func(*conn.Conn, conn.CloseInfo) { open.Add(-1) },
	}, false)
	for i := range 40 {
		c := &Client{Logger: quiet, Loops: 2}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := c.Dial(soon(t), url); err != nil && !errors.Is(err, ErrClientClosed) {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Duration(i) * 100 * time.Microsecond)
		if i%2 == 0 {
			_ = c.Close()
		} else if err := c.Shutdown(soon(t)); err != nil {
			t.Error(err)
		}
		all.Wait()
	}
	for deadline := time.Now().Add(patience); open.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are left", open.Load())
		}
	}
}

// In a callback on a loop neither waits for itself, be it one that may lose the loop or has lost it. On a worker
// Shutdown would, so there another goroutine asks.
func TestClose_InACallbackOnALoop(t *testing.T) {
	url := start(t, new(server.Server), false)
	for _, dispatch := range []conn.Dispatch{conn.OnLoop, conn.OnGoroutines, conn.Adaptive} {
		for _, loses := range []bool{false, true} {
			for name, end := range map[string]func(c *Client) error{
				"Close":    (*Client).Close,
				"Shutdown": func(c *Client) error { return c.Shutdown(context.Background()) },
			} {
				what := fmt.Sprintf("%s, Dispatch %d, loses=%v", name, dispatch, loses)
				in, asked, result := newInbox(), make(chan bool), make(chan error, 1)
				c := in.in(&Client{Logger: quiet, Dispatch: dispatch})
				c.OnMessage = func(*conn.Conn, conn.Message) {
					onLoop := loop.WithinLoop()
					asked <- onLoop || dispatch == conn.OnGoroutines
					if loses {
						loop.OnLoop() // takes it from the callback
					}
					switch {
					case onLoop:
						result <- end(c)
					case dispatch == conn.OnGoroutines:
						go func() { result <- end(c) }()
					}
				}
				out := mustDial(t, c, url)
				for asks := false; !asks; asks = next(t, asked, what) {
					_ = out.SendText("x")
				}
				err := next(t, result, what)
				if want := name == "Shutdown" && dispatch != conn.OnGoroutines; want != errors.Is(err, conn.ErrOnLoop) {
					t.Errorf("%s: %v", what, err)
				}
				in.ends(t)
				for _, l := range c.run.engine {
					next(t, l.Done(), "the end of a loop")
				}
			}
		}
	}
}

// A Shutdown whose context ends cuts what is left.
func TestShutdown_CutsWhatIsLeft(t *testing.T) {
	url := start(t, &server.Server{OnMessage: func(*conn.Conn, conn.Message) {}}, false)
	in := newInbox()
	goOn := make(chan struct{})
	c := in.in(&Client{Logger: quiet, Dispatch: conn.OnGoroutines})
	c.OnMessage = nil
	c.OnClose = func(_ *conn.Conn, i conn.CloseInfo) {
		<-goOn
		in.end <- i
	}
	mustDial(t, c, url)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := c.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(goOn)
	in.ends(t)
}
