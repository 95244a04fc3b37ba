package client

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// sharing is a server whose loops clients share, and its URL.
func sharing(t *testing.T, srv *server.Server) (loops conn.EventLoops, url string) {
	t.Helper()
	if _, err := srv.EventLoops(); err == nil {
		t.Error("a server that has not started has event loops")
	}
	url = start(t, srv, false)
	loops, err := srv.EventLoops()
	if err != nil {
		t.Fatal(err)
	}
	return loops, url
}

// Clients have connections on the loops of a server. Each ends its own alone, and gives its place to others.
func TestEventLoops_OfAServer(t *testing.T) {
	srv := new(server.Server)
	loops, own := sharing(t, srv)
	other := start(t, new(server.Server), false)
	stays := newInbox()
	staying := closed(t, stays.in(&Client{EventLoops: loops}))
	kept := mustDial(t, staying, own) // both ends are on one loop
	for i := range 40 {               // more than a loop has room for at once
		for _, end := range []func(*Client) error{(*Client).Close, func(c *Client) error { return c.Shutdown(soon(t)) }} {
			in := newInbox()
			c := in.in(&Client{EventLoops: loops, Dispatch: conn.Dispatch(i % 2)})
			mustDial(t, c, other)
			ws := mustDial(t, c, other)
			checkEcho(t, ws, in)
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			if i := in.ends(t); i.Err != ErrClientClosed && i.Sent != frame.GoingAway {
				t.Errorf("it ended with %v", i)
			}
			if _, err := c.Dial(soon(t), other); err != ErrClientClosed {
				t.Errorf("a dial after its end: %v", err)
			}
			if err := c.Shutdown(soon(t)); err != nil { // until its place is free
				t.Error(err)
			}
		}
	}
	checkEcho(t, kept, stays)
	if st := staying.Stats(); st.Dials != 1 || st.Opened != 0 {
		t.Errorf("%+v", st)
	}
	if n := srv.ClientCount(); n != 1 {
		t.Errorf("the server has %d clients", n)
	}
	eventually(t, "the others to be gone", func() bool { return srv.Stats().Clients == 2 })
}

func TestEventLoops_EndWithTheServer(t *testing.T) {
	srv := new(server.Server)
	loops, _ := sharing(t, srv)
	other := start(t, new(server.Server), false)
	in := newInbox()
	c := closed(t, in.in(&Client{EventLoops: loops}))
	mustDial(t, c, other)
	if _, err := srv.Shutdown(soon(t)); err != nil {
		t.Fatal(err)
	}
	if i := in.ends(t); i.Sent != frame.GoingAway || i.By != conn.Local {
		t.Errorf("it ended with %v", i)
	}
	if _, err := c.Dial(soon(t), other); !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("a dial after the server's end: %v", err)
	}
	again := &Reconnecting{Client: c, URL: other}
	if err := again.Run(soon(t)); !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("Reconnecting ends with %v", err)
	}
	if _, err := srv.EventLoops(); err != server.ErrServerClosed {
		t.Errorf("EventLoops: %v", err)
	}
	if err := c.Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
}

// A close callback that ends the loop's goroutine keeps no other connection from being cut.
func TestEventLoops_CloseCutsAll(t *testing.T) {
	loops, _ := sharing(t, new(server.Server))
	other := start(t, new(server.Server), false)
	ended := make(chan struct{}, 10)
	c := closed(t, &Client{EventLoops: loops, OnClose: func(*conn.Conn, conn.CloseInfo) {
		ended <- struct{}{}
		runtime.Goexit()
	}})
	for range 5 {
		mustDial(t, c, other)
	}
	_ = c.Close()
	for i := range 5 {
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatalf("%d of 5 have ended", i)
		}
	}
	if err := c.Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestEventLoops_HaveRoomForSo(t *testing.T) {
	loops, url := sharing(t, new(server.Server))
	for i := range 15 {
		mustDial(t, closed(t, &Client{EventLoops: loops}), url)
		if t.Failed() {
			t.Fatal(i)
		}
	}
	if _, err := closed(t, &Client{EventLoops: loops}).Dial(soon(t), url); !errors.Is(err, errNoRoom) {
		t.Errorf("the 16th: %v", err)
	}
	for says, c := range map[string]*Client{
		"Loops":    {EventLoops: loops, Loops: 1},
		"Adaptive": {EventLoops: loops, Dispatch: conn.Adaptive},
		"Buffers":  {EventLoops: loops, Limits: Limits{MaxBuffers: 1}},
	} {
		if _, err := closed(t, c).Dial(context.Background(), url); err == nil {
			t.Errorf("%s: %v", says, fmt.Sprint(err))
		}
	}
}

// However dials, messages and ends of clients fall together, nothing is left on the loops of the server.
func TestEventLoops_EndAtAnyMoment(t *testing.T) {
	srv := new(server.Server)
	loops, url := sharing(t, srv)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for j := range 10 {
				c := &Client{EventLoops: loops, Dispatch: conn.Dispatch((i + j) % 2), Logger: quiet, OnMessage: echo}
				var dials sync.WaitGroup
				for range 3 {
					dials.Go(func() {
						if ws, err := c.Dial(soon(t), url); err == nil {
							_ = ws.SendText("to and fro")
						} else if !errors.Is(err, ErrClientClosed) && !errors.Is(err, errNoRoom) {
							t.Error(err)
						}
					})
				}
				time.Sleep(time.Duration(j) * 300 * time.Microsecond)
				if i%2 == 0 {
					_ = c.Close()
				} else if err := c.Shutdown(soon(t)); err != nil {
					t.Error(err)
				}
				dials.Wait()
			}
		})
	}
	clients.Wait()
	eventually(t, "all to be gone", func() bool { return srv.Stats().Clients == 0 })
}
