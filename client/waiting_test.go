package client

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// lines is a log kept in memory.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// narrow bounds what waits for a connection's socket to 2 KiB, of which half is for messages beside an open Writer.
func narrow(t *testing.T, c *conn.Conn) {
	if err := c.SetLimits(conn.Limits{MaxPending: 2 << 10}); err != nil {
		t.Error(err)
	}
}

// waits has a Reconnecting keep n messages of 100 bytes, which begin with their numbers.
func waits(t *testing.T, r *Reconnecting, n int) {
	t.Helper()
	for i := range n {
		if err := r.Send(conn.Message{Type: conn.Text, Payload: fmt.Appendf(nil, "%0100d", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// state is how many messages a Reconnecting keeps, and whether a goroutine sends them.
func (r *Reconnecting) state() (waiting int, sends bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting), r.sender != nil
}

// What waits and finds no room on a connection follows when there is some, before what is sent then.
func TestReconnecting_SendsAsRoomComes(t *testing.T) {
	got := make(chan string, 100)
	url := start(t, &server.Server{OnMessage: func(_ *conn.Conn, m conn.Message) { got <- m.String() }}, false)
	var writer *conn.Writer
	r := &Reconnecting{
		Client: closed(t, &Client{Overflow: conn.OverflowRefuse}), URL: url, MaxWaiting: 16 << 10,
		OnUp: func(c *conn.Conn) {
			narrow(t, c)
			writer, _ = c.NewWriter(conn.Text)
			_, _ = writer.Write([]byte("begun"))
		},
	}
	waits(t, r, 40)
	w := watch(t, r)
	next(t, w.ups, "a connection")
	eventually(t, "a full connection", func() bool { _, sends := r.state(); return sends })
	if n, _ := r.state(); n == 0 || n == 40 {
		t.Errorf("%d messages wait", n)
	}
	if err := w.Send(conn.Message{Type: conn.Text, Payload: []byte("last")}); err != nil {
		t.Error(err)
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	if m := next(t, got, "the Writer's message"); m != "begun" {
		t.Error(m)
	}
	for i := range 40 {
		if m := next(t, got, "a message that waited"); m != fmt.Sprintf("%0100d", i) {
			t.Fatalf("got %s in place of %d", m, i)
		}
	}
	if m := next(t, got, "the last"); m != "last" {
		t.Error(m)
	}
	eventually(t, "the sender's end", func() bool { n, sends := r.state(); return n == 0 && !sends })
	if r.bytes != 0 {
		t.Errorf("%d bytes wait", r.bytes)
	}
}

// A connection that ends while what waits has no room leaves the rest to the next one. No message comes twice.
func TestReconnecting_ConnectionEndsWithoutRoom(t *testing.T) {
	got := make(chan string, 100)
	url := start(t, &server.Server{OnMessage: func(_ *conn.Conn, m conn.Message) { got <- m.String() }}, false)
	ups := 0
	r := &Reconnecting{
		Client: closed(t, &Client{Overflow: conn.OverflowRefuse}), URL: url, MaxWaiting: 16 << 10,
		OnUp: func(c *conn.Conn) {
			if ups++; ups == 1 {
				narrow(t, c)
				_, _ = c.NewWriter(conn.Text)
			}
		},
	}
	waits(t, r, 40)
	w := watch(t, r)
	first := next(t, w.ups, "a connection")
	eventually(t, "a full connection", func() bool { _, sends := r.state(); return sends })
	left, _ := r.state()
	first.Abort()
	next(t, w.ups, "another connection")
	for i := 40 - left; i < 40; i++ {
		if m := next(t, got, "a message that waited"); m != fmt.Sprintf("%0100d", i) {
			t.Fatalf("got %s in place of %d", m, i)
		}
	}
	eventually(t, "the end", func() bool { n, sends := r.state(); return n == 0 && !sends })
}

// A message that can never be sent is logged and dropped. It holds up no others.
func TestReconnecting_DropsWhatIsTooLarge(t *testing.T) {
	got := make(chan string, 100)
	url := start(t, &server.Server{OnMessage: func(_ *conn.Conn, m conn.Message) { got <- m.String() }}, false)
	var log lines
	r := &Reconnecting{
		Client: closed(t, &Client{Logger: slog.New(slog.NewTextHandler(&log, nil))}), URL: url, MaxWaiting: 16 << 10,
		OnUp: func(c *conn.Conn) { narrow(t, c) },
	}
	if err := r.Send(conn.Message{Type: conn.Text, Payload: make([]byte, 3<<10)}); err != nil {
		t.Fatal(err)
	}
	waits(t, r, 1)
	w := watch(t, r)
	next(t, w.ups, "a connection")
	if m := next(t, got, "a message"); len(m) != 100 {
		t.Errorf("a message of %d bytes", len(m))
	}
	eventually(t, "the end", func() bool { n, sends := r.state(); return n == 0 && !sends })
	if s := log.String(); strings.Count(s, "larger than MaxPending") != 1 {
		t.Errorf("the log: %s", s)
	}
}

// A dial that was given up replaces no later connection, however late its open callback returns.
func TestReconnecting_DialThatWasGivenUp(t *testing.T) {
	url := start(t, new(server.Server), false)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	entered, goOn, closes := make(chan bool), make(chan bool), make(chan *conn.Conn, 10)
	var given *conn.Conn
	dials, ups := 0, 0
	var mu sync.Mutex
	r := &Reconnecting{
		Client: closed(t, &Client{Dispatch: conn.OnGoroutines, OnClose: func(c *conn.Conn, _ conn.CloseInfo) { closes <- c }}), URL: url,
		BeforeDial: func(req *http.Request) error {
			if dials++; dials == 1 {
				*req = *req.WithContext(ctx)
			}
			return nil
		},
		OnUp: func(c *conn.Conn) {
			mu.Lock()
			ups++
			isFirst := ups == 1
			mu.Unlock()
			if isFirst {
				given = c
				close(entered)
				<-goOn
			}
		},
	}
	w := watch(t, r)
	<-entered
	cancel()
	if o := next(t, w.outages, "an outage"); o.Err == nil || w.Conn() != nil {
		t.Errorf("%+v", o)
	}
	second := next(t, w.ups, "another connection")
	eventually(t, "it", func() bool { return w.Conn() == second })
	close(goOn)
	if c := next(t, closes, "the first one's end"); c != given { // it comes once the open callback has returned
		t.Fatal("another connection has ended")
	}
	if w.Conn() != second {
		t.Error("the connection was replaced")
	}
}

// The connection of a dial that was given up is none, also if its open callback has returned by then.
func TestReconnecting_DialThatWasGivenUpLate(t *testing.T) {
	r := &Reconnecting{Client: new(Client)}
	c := new(conn.Conn)
	open := r.opener()
	open(c)
	if r.Conn() != c {
		t.Fatal("there is no connection")
	}
	r.down()
	if r.Conn() != nil {
		t.Error("there is a connection")
	}
	if open(c); r.Conn() != nil {
		t.Error("there is one again")
	}
}
