package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/loopback"
	"github.com/framerail/framerail/server"
)

// watched has a Reconnecting tell what happens to it, and runs it until the test ends.
type watched struct {
	*Reconnecting
	ups     chan *conn.Conn
	outages chan Outage
	result  chan error
	stop    context.CancelCauseFunc
}

// watch runs r with short delays.
func watch(t *testing.T, r *Reconnecting) *watched {
	t.Helper()
	w := &watched{Reconnecting: r, ups: make(chan *conn.Conn, 100), outages: make(chan Outage, 100), result: make(chan error, 1)}
	r.FirstDelay, r.MaxDelay = time.Millisecond, 10*time.Millisecond
	onUp, onDown := r.OnUp, r.OnDown
	r.OnUp = func(c *conn.Conn) {
		if onUp != nil {
			onUp(c)
		}
		w.ups <- c
	}
	r.OnDown = func(o *Outage) {
		if onDown != nil {
			onDown(o)
		}
		w.outages <- *o
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	w.stop = cancel
	var all sync.WaitGroup
	all.Go(func() { w.result <- r.Run(ctx) })
	t.Cleanup(func() {
		cancel(nil)
		all.Wait()
	})
	return w
}

// next waits for what comes from a channel.
func next[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// A connection that ends is dialled again, with what BeforeDial says, and OnDown knows why.
func TestReconnecting_ComesBack(t *testing.T) {
	tokens := make(chan string, 10)
	srv := &server.Server{Check: func(h *server.Handshake) error {
		tokens <- h.Request.Header.Get("Authorization") + " " + h.Request.URL.Path
		return nil
	}}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) { _ = c.Close(frame.ServiceRestart, m.String()) }
	url := start(t, srv, false)
	n := 0
	w := watch(t, &Reconnecting{Client: closed(t, new(Client)), URL: url, BeforeDial: func(r *http.Request) error {
		n++
		r.Header.Set("Authorization", fmt.Sprint("Bearer ", n))
		r.URL.Path = fmt.Sprint("/", n)
		return nil
	}})
	for i := range 3 {
		c := next(t, w.ups, "a connection")
		if token, want := <-tokens, fmt.Sprintf("Bearer %d /%d", i+1, i+1); token != want {
			t.Errorf("%q, want %q", token, want)
		}
		for w.Conn() != c { // it is set once OnUp has returned
			time.Sleep(time.Millisecond)
		}
		_ = c.SendText("again")
		o := next(t, w.outages, "an outage")
		if o.Close.Received != frame.ServiceRestart || o.Close.Reason != "again" || o.Final || o.Err != nil {
			t.Errorf("%+v", o)
		}
	}
}

// What is sent while there is no connection is kept, in order, behind what OnUp sends.
func TestReconnecting_KeepsWhatIsSentMeanwhile(t *testing.T) {
	got := make(chan string, 100)
	srv := &server.Server{OnMessage: func(_ *conn.Conn, m conn.Message) { got <- m.String() }}
	url := start(t, srv, false)
	goOn := make(chan struct{})
	w := watch(t, &Reconnecting{
		Client: closed(t, new(Client)), URL: url, MaxWaiting: 1000,
		BeforeDial: func(*http.Request) error { <-goOn; return nil },
		OnUp:       func(c *conn.Conn) { _ = c.SendText("hello") },
	})
	payload := []byte("0")
	send := func(text string) error {
		payload = append(payload[:0], text...)
		return w.Send(conn.Message{Type: conn.Text, Payload: payload})
	}
	for i := range 10 {
		if err := send(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := send(strings.Repeat("x", 500)); !errors.Is(err, conn.ErrPendingFull) {
		t.Error(err)
	}
	if err := w.Send(conn.Message{Type: conn.Text, Payload: []byte{0xff}}); err != conn.ErrNotUTF8 {
		t.Error(err)
	}
	if err := w.Send(conn.Message{Type: 9}); err != conn.ErrMessageType {
		t.Error(err)
	}
	close(goOn)
	next(t, w.ups, "a connection")
	for w.Conn() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := send("last"); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"hello", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "last"} {
		if m := next(t, got, want); m != want {
			t.Errorf("got %q, want %q", m, want)
		}
	}
}

// Many senders, a server that restarts all the time: each message comes at most once and in its sender's
// order.
func TestReconnecting_SendersKeepTheirOrder(t *testing.T) {
	var mu sync.Mutex
	last := map[int]int{}
	seen := 0
	srv := &server.Server{Limits: server.Limits{Limits: conn.Limits{MessagesPerSecond: -1}}}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		mu.Lock()
		defer mu.Unlock()
		var sender, n int
		_, _ = fmt.Sscan(m.String(), &sender, &n)
		if n <= last[sender] {
			t.Errorf("sender %d: %d behind %d", sender, n, last[sender])
		}
		last[sender] = n
		if seen++; seen%100 == 0 {
			_ = c.Close(frame.ServiceRestart, "")
		}
	}
	url := start(t, srv, false)
	w := watch(t, &Reconnecting{Client: closed(t, new(Client)), URL: url, MaxWaiting: 500_000})
	arrived := func(sender int) int {
		mu.Lock()
		defer mu.Unlock()
		return last[sender]
	}
	var all sync.WaitGroup
	for sender := range 4 {
		all.Go(func() {
			// The last ones may be lost, so it goes on until one of them has come.
			for n, end := 1, time.Now().Add(patience); arrived(sender) < 500 && time.Now().Before(end); n++ {
				if err := w.Send(conn.Message{Type: conn.Text, Payload: fmt.Append(nil, sender, " ", n)}); err != nil && !errors.Is(err, conn.ErrPendingFull) {
					t.Error(err)
					return
				}
				if n%20 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	for sender := range 4 {
		if n := arrived(sender); n < 500 {
			t.Errorf("sender %d: no message behind %d has come", sender, n)
		}
	}
}

// Without MaxWaiting sends fail while there is no connection.
func TestReconnecting_SendFailsWhileAway(t *testing.T) {
	needsLoops(t)
	r := &Reconnecting{Client: closed(t, new(Client)), URL: "ws://127.0.0.1:1/"}
	if err := r.Send(conn.Message{Type: conn.Text}); err != ErrAway {
		t.Error(err)
	}
	w := watch(t, r)
	o := next(t, w.outages, "an outage")
	if o.Err == nil || o.Final || o.Failures != 1 || !strings.HasPrefix(o.Error(), "framerail: no connection: dial ws://127.0.0.1:1/") {
		t.Errorf("%+v", o)
	}
	if err := w.Send(conn.Message{Type: conn.Text}); err != ErrAway || w.Conn() != nil {
		t.Error(err)
	}
	w.stop(errors.New("enough"))
	if err := <-w.result; err == nil || err.Error() != "enough" {
		t.Error(err)
	}
}

// Ends that are final end Run, with the reason.
func TestReconnecting_FinalEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		srv  *server.Server
		then func(c *conn.Conn)
		says string
	}{
		"refusal": {&server.Server{Path: "/other"}, nil, "refused with 404"},
		"1008":    {&server.Server{OnConnection: func(c *conn.Conn) { _ = c.Close(frame.PolicyViolation, "go away") }}, nil, "go away"},
		"4401":    {&server.Server{OnConnection: func(c *conn.Conn) { _ = c.Close(4401, "token") }}, nil, "4401"},
		"wanted":  {&server.Server{}, func(c *conn.Conn) { _ = c.Close(frame.NormalClosure, "done") }, "done"},
	} {
		t.Run(name, func(t *testing.T) {
			url := start(t, tc.srv, false)
			w := watch(t, &Reconnecting{Client: closed(t, new(Client)), URL: url, MaxWaiting: 100, OnUp: tc.then})
			err := next(t, w.result, "the end")
			var o *Outage
			if !errors.As(err, &o) || !o.Final || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v, want %q", err, tc.says)
			}
			if err := w.Send(conn.Message{Type: conn.Text}); err != ErrAway {
				t.Error(err)
			}
			if err := w.Run(context.Background()); err != errRunOnce {
				t.Error(err)
			}
		})
	}
}

// A Client that is closed ends its Reconnectings. A context that is done closes the connection.
func TestReconnecting_Ends(t *testing.T) {
	ends := make(chan conn.CloseInfo, 10)
	srv := &server.Server{OnClose: func(_ *conn.Conn, i conn.CloseInfo) { ends <- i }}
	url := start(t, srv, false)
	c := closed(t, new(Client))
	w := watch(t, &Reconnecting{Client: c, URL: url})
	next(t, w.ups, "a connection")
	w.stop(nil)
	if err := next(t, w.result, "the end"); err != context.Canceled {
		t.Error(err)
	}
	if i := next(t, ends, "the server's end"); i.Received != frame.GoingAway || !i.Clean() {
		t.Error(i)
	}
	w = watch(t, &Reconnecting{Client: c, URL: url})
	next(t, w.ups, "a connection")
	_ = c.Close()
	if err := next(t, w.result, "the end"); !errors.Is(err, ErrClientClosed) {
		t.Error(err)
	}
}

// A Client that is closed while its Reconnecting waits to dial ends it at once, whatever BeforeDial says.
func TestReconnecting_EndsWhileItWaits(t *testing.T) {
	needsLoops(t)
	c := new(Client)
	w := watch(t, &Reconnecting{
		Client: c, URL: "ws://127.0.0.1:1",
		BeforeDial: func(*http.Request) error { return errors.New("no token") },
		OnDown:     func(o *Outage) { o.Delay = time.Hour },
	})
	next(t, w.outages, "a dial that failed")
	_ = c.Close()
	if err := next(t, w.result, "the end"); !errors.Is(err, ErrClientClosed) {
		t.Error(err)
	}
}

func TestReconnecting_ImpossibleOptions(t *testing.T) {
	for _, r := range []*Reconnecting{
		{}, {Client: new(Client)}, {URL: "ws://host/"}, {Client: new(Client), URL: "ws://host/", MaxDelay: -1},
		{Client: new(Client), URL: "ws://host/", MaxWaiting: 1 << 20},
	} {
		if err := r.Run(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "framerail: ") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// A client's own OnConnection and OnClose run too.
func TestReconnecting_CallbacksOfTheClient(t *testing.T) {
	url := start(t, &server.Server{OnConnection: func(c *conn.Conn) { _ = c.Close(frame.NormalClosure, "") }}, false)
	seen := make(chan string, 10)
	c := closed(t, &Client{
		OnConnection: func(*conn.Conn) { seen <- "connection" },
		OnClose:      func(*conn.Conn, conn.CloseInfo) { seen <- "close" },
	})
	r := &Reconnecting{Client: c, URL: url, FirstDelay: time.Millisecond}
	if err := r.Run(soon(t)); err == nil {
		t.Error("it did not end")
	}
	if a, b := <-seen, <-seen; a != "connection" || b != "close" {
		t.Error(a, b)
	}
}

// A program may read the messages of each connection.
func TestReconnecting_Read(t *testing.T) {
	srv := &server.Server{}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		_ = c.SendMessage(m)
		_ = c.Close(frame.ServiceRestart, "")
	}
	url := start(t, srv, false)
	got := make(chan string, 10)
	var readers sync.WaitGroup
	w := watch(t, &Reconnecting{Client: closed(t, new(Client)), URL: url, MaxWaiting: 1000, OnUp: func(c *conn.Conn) {
		readers.Go(func() {
			for m, err := range c.Messages(context.Background()) {
				if err != nil {
					return
				}
				got <- m.String()
			}
		})
	}})
	for i := range 3 {
		want := fmt.Sprint(i)
		if err := w.Send(conn.Message{Type: conn.Text, Payload: []byte(want)}); err != nil {
			t.Fatal(err)
		}
		if s := next(t, got, "an echo"); s != want {
			t.Errorf("got %q, want %q", s, want)
		}
		next(t, w.outages, "an outage")
	}
	w.stop(nil)
	next(t, w.result, "the end")
	readers.Wait()
}

// All clients of a server come back when another takes its place on the same port, and none is final.
func TestReconnecting_ServerIsReplaced(t *testing.T) {
	needsLoops(t)
	const n = 100
	serve := func(addr string) *server.Server {
		srv := &server.Server{Addr: addr, Loops: 1, Logger: quiet, Limits: server.Limits{MaxConnectionsPerAddress: -1}}
		for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			err := srv.Start()
			if err == nil {
				return srv
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			srv = &server.Server{Addr: addr, Loops: 1, Logger: quiet, Limits: srv.Limits}
		}
	}
	first := serve(loopback.Own())
	addr := first.ListenAddr().String()
	c := closed(t, &Client{Loops: 2})
	ups := make(chan *conn.Conn, 10*n)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			r := &Reconnecting{
				Client: c, URL: "ws://" + addr, FirstDelay: time.Millisecond, MaxDelay: 20 * time.Millisecond,
				OnUp: func(c *conn.Conn) { ups <- c },
			}
			if err := r.Run(ctx); err != context.Canceled {
				t.Error(err)
			}
		})
	}
	for range n {
		next(t, ups, "a connection")
	}
	if _, err := first.Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
	second := serve(addr)
	defer second.Close()
	for range n {
		next(t, ups, "a connection to the second server")
	}
	_ = second.Close() // without a word this time
	third := serve(addr)
	defer third.Close()
	for range n {
		next(t, ups, "a connection to the third server")
	}
	cancel()
	all.Wait()
}
