package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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
	if n := srv.ClientCount(); n != 1 {
		t.Errorf("the server has %d clients", n)
	}
	if n := srv.Stats().Opened; n != 1 {
		t.Errorf("the server has opened %d", n)
	}
}

// Each owner of a loop counts its own connections: a proxy tells what came from what it has sent on.
func TestEventLoops_EachCountsItsOwn(t *testing.T) {
	var up atomic.Pointer[conn.Conn] // set before the server has a client
	srv := &server.Server{OnMessage: func(*conn.Conn, conn.Message) {
		for range 3 {
			_ = up.Load().SendText("sent on")
		}
	}}
	loops, url := sharing(t, srv)
	in := newInbox()
	c := closed(t, in.in(&Client{EventLoops: loops}))
	never := closed(t, &Client{EventLoops: loops})
	up.Store(mustDial(t, c, start(t, new(server.Server), false)))
	if err := mustDial(t, closed(t, new(Client)), url).SendText("hello"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		in.expect(t, "sent on")
	}
	eventually(t, "the messages are counted", func() bool {
		of, near := c.Stats(), srv.Stats()
		return of.Received.Messages == 3 && of.Sent.Messages == 3 && near.Received.Messages == 1
	})
	of, near := c.Stats(), srv.Stats()
	if of.Received.Bytes != 3*(2+7) || of.Sent.Bytes != 3*(6+7) || of.Opened != 1 || of.Timers != 0 {
		t.Errorf("the client counts %+v", of)
	}
	if near.Sent.Messages != 0 || near.Opened != 1 || near.Clients != 1 || near.Received.Bytes < 6+5 {
		t.Errorf("the server counts %+v", near.LoopStats)
	}
	if st := never.Stats(); st.Received.Bytes != 0 || st.Opened != 0 {
		t.Errorf("a client that has not dialled counts %+v", st)
	}
	if err := c.Shutdown(soon(t)); err != nil {
		t.Fatal(err)
	}
	if of := c.Stats(); of.Received.Messages != 3 || of.Closed != 1 || of.Causes["clean"] != 1 {
		t.Errorf("after Shutdown: %+v", of)
	}
	if near := srv.Stats(); near.Closed != 0 {
		t.Errorf("the server has closed %d", near.Closed)
	}
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
	if n := srv.Stats().Drained; n != 0 {
		t.Errorf("the server has drained %d of its own", n)
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

// The connections that a server's Shutdown has cut are its own: a client's do not count.
func TestEventLoops_ServerCutsItsOwn(t *testing.T) {
	silent := serveFrames(t, "", func(net.Conn, *bufio.Reader) {})
	over, end := context.WithCancel(context.Background())
	end()
	for range 10 {
		srv := new(server.Server)
		loops, _ := sharing(t, srv)
		mustDial(t, closed(t, &Client{EventLoops: loops}), silent)
		_, err := srv.Shutdown(over)
		if cutLate(err) {
			continue
		}
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "cut 0 connections") {
			t.Error(err)
		}
		return
	}
	t.Error("the machine was too slow each time")
}

// cutLate reports whether an error of Shutdown says that it has not waited for all loops to cut their connections.
func cutLate(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "has not come to its end") || strings.Contains(err.Error(), "holds an event loop"))
}

// Shutdown returns once the loops have let go of the client. So Stats are complete then.
func TestEventLoops_ShutdownWaitsForTheLoops(t *testing.T) {
	here, goOn := make(chan struct{}), make(chan struct{})
	loops, url := sharing(t, &server.Server{OnMessage: func(*conn.Conn, conn.Message) {
		close(here)
		<-goOn
	}})
	in := newInbox()
	c := closed(t, in.in(&Client{EventLoops: loops}))
	_ = mustDial(t, c, start(t, new(server.Server), false)).Close(1000, "")
	in.ends(t)
	if err := mustDial(t, closed(t, new(Client)), url).SendText("hold the loop"); err != nil {
		t.Fatal(err)
	}
	<-here
	ended := make(chan error, 1)
	go func() { ended <- c.Shutdown(soon(t)) }()
	select {
	case err := <-ended:
		t.Errorf("Shutdown has not waited: %v", err)
		close(goOn)
		return
	case <-time.After(50 * time.Millisecond):
	}
	close(goOn)
	if err := <-ended; err != nil {
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
	if n := len(ended); n != 5 {
		t.Errorf("Close has returned when %d of 5 had ended", n)
	}
	if err := c.Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
}

// When the time of Shutdown is over it has cut all connections before it returns.
func TestEventLoops_ShutdownWaitsForTheCut(t *testing.T) {
	loops, _ := sharing(t, new(server.Server))
	silent := serveFrames(t, "", func(net.Conn, *bufio.Reader) {})
	over, end := context.WithCancel(context.Background())
	end()
	const attempts = 10
	late := 0
	for range attempts {
		c := closed(t, &Client{EventLoops: loops})
		mustDial(t, c, silent)
		err := c.Shutdown(over)
		if cutLate(err) {
			late++
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
		if st := c.Stats(); st.Closed != 1 {
			t.Errorf("%d of 1 are closed", st.Closed)
		}
	}
	if late == attempts {
		t.Error("the machine was too slow each time")
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
