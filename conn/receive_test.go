package conn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/test/allocs"
	"github.com/framerail/framerail/server"
)

// serving is the URL of a server that runs until the test ends.
func serving(t testing.TB, srv *server.Server) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return "ws://" + l.Addr().String() + "/"
}

// dialled is a connection of a client that reads.
func dialled(t *testing.T, url string) *conn.Conn {
	cl := new(client.Client)
	t.Cleanup(func() { _ = cl.Close() })
	c, err := cl.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// echo answers each message until the connection ends.
func echo(c *conn.Conn, messages func(func(conn.Message, error) bool)) (err error) {
	for m, e := range messages {
		if err = e; err == nil {
			err = c.SendMessage(m)
		}
	}
	return err
}

// Reading works in OnConnection on a goroutine, and on a goroutine of the program's with any
// Dispatch. Messages that came before the first call of Receive are not lost.
func TestMessages_EchoAtBothEnds(t *testing.T) {
	inOpen := func(d conn.Dispatch) func(*server.Server, chan error) {
		return func(srv *server.Server, ended chan error) {
			srv.Dispatch = d
			srv.OnConnection = func(c *conn.Conn) { ended <- echo(c, c.Messages(context.Background())) }
		}
	}
	for name, f := range map[string]func(*server.Server, chan error){
		"in OnConnection":           inOpen(conn.OnGoroutines),
		"in OnConnection, adaptive": inOpen(conn.Adaptive),
		"on a goroutine, from the loop": func(srv *server.Server, ended chan error) {
			srv.OnConnection = func(c *conn.Conn) {
				messages := c.Messages(context.Background())
				go func() { ended <- echo(c, messages) }()
			}
		},
		"on a goroutine, from Upgrade": func(srv *server.Server, ended chan error) {
			srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = srv.Upgrade(w, r, func(c *conn.Conn) {
					messages := c.Messages(context.Background())
					go func() { ended <- echo(c, messages) }()
				})
			})
			srv.RouteUpgrades = true
		},
		"on a goroutine, from another": func(srv *server.Server, ended chan error) {
			srv.Dispatch = conn.OnGoroutines
			srv.OnConnection = func(c *conn.Conn) {
				messages := c.Messages(context.Background())
				go func() { ended <- echo(c, messages) }()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			srv := &server.Server{}
			f(srv, ended)
			c := dialled(t, serving(t, srv))
			for i := range 1000 {
				if err := c.SendText(fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
				if i%10 < 9 {
					continue
				}
				for j := i - 9; j <= i; j++ {
					m, err := c.Receive(t.Context())
					if err != nil || m.String() != fmt.Sprint(j) || !m.Valid || m.Type != conn.Text {
						t.Fatalf("message %d: %v, %v", j, m, err)
					}
				}
			}
			_ = c.Close(frame.NormalClosure, "bye")
			_, err := c.Receive(t.Context())
			var info conn.CloseInfo
			if !errors.Is(err, io.EOF) || !errors.Is(err, conn.ErrClosed) || !errors.As(err, &info) || info.Reason != "bye" {
				t.Errorf("the client's end: %v", err)
			}
			if err := <-ended; err != nil {
				t.Errorf("the server's loop: %v", err)
			}
		})
	}
}

// While OnConnection reads, other callbacks run, and the close callback waits for it.
func TestMessages_InOnConnectionBesideOtherCallbacks(t *testing.T) {
	var (
		mu    sync.Mutex
		calls []string
	)
	note := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, s)
	}
	pinged, closed := make(chan struct{}), make(chan struct{})
	srv := &server.Server{Dispatch: conn.OnGoroutines}
	srv.OnPing = func(*conn.Conn, []byte) { close(pinged) }
	srv.OnConnection = func(c *conn.Conn) {
		var last error
		for _, err := range c.Messages(context.Background()) {
			last = err
		}
		time.Sleep(10 * time.Millisecond) // the close callback has its chance
		note(fmt.Sprint("the loop ends: ", last != nil))
	}
	srv.OnClose = func(_ *conn.Conn, info conn.CloseInfo) {
		note(fmt.Sprint("closed with ", uint16(info.Received)))
		close(closed)
	}
	c := dialled(t, serving(t, srv))
	_ = c.SendText("hello")
	_ = c.Ping(nil)
	<-pinged
	if n := srv.Stats().Clients; n != 1 {
		t.Errorf("%d clients", n)
	}
	_ = c.Close(4001, "")
	<-closed
	if want := []string{"the loop ends: true", "closed with 4001"}; strings.Join(calls, ", ") != strings.Join(want, ", ") {
		t.Errorf("%q", calls)
	}
}

// A context that expires ends the wait, and not the connection.
func TestReceive_ContextEndsTheWaitAlone(t *testing.T) {
	srv := &server.Server{OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) }}
	c := dialled(t, serving(t, srv))
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if _, err := c.Receive(ctx); err != context.DeadlineExceeded {
			t.Errorf("Receive: %v", err)
		}
		for _, err := range c.Messages(ctx) {
			if err != context.DeadlineExceeded {
				t.Errorf("Messages: %v", err)
			}
		}
		cancel()
	}
	_ = c.SendText("still here")
	if m, err := c.Receive(t.Context()); err != nil || m.String() != "still here" {
		t.Errorf("%v, %v", m, err)
	}
}

func TestReceive_Misuse(t *testing.T) {
	errs := make(chan error, 2)
	srv := &server.Server{}
	srv.OnConnection = func(c *conn.Conn) {
		_, err := c.Receive(context.Background())
		errs <- err
		for _, err := range c.Messages(context.Background()) {
			errs <- err
		}
	}
	url := serving(t, srv)
	c := dialled(t, url)
	for range 2 {
		if err := <-errs; !errors.Is(err, conn.ErrOnLoop) {
			t.Errorf("on the loop: %v", err)
		}
	}
	c.OnMessage(func(*conn.Conn, conn.Message) {})
	if _, err := c.Receive(t.Context()); !errors.Is(err, conn.ErrNotReading) {
		t.Errorf("with a callback: %v", err)
	}
	srv = &server.Server{}
	url = serving(t, srv)
	_ = dialled(t, url)
	for srv.Stats().Clients == 0 {
		time.Sleep(time.Millisecond)
	}
	for c := range srv.Clients() {
		if _, err := c.Receive(t.Context()); !errors.Is(err, conn.ErrNotReading) {
			t.Errorf("after OnConnection: %v", err)
		}
	}
}

// What the client sends at once, behind its handshake, waits for the reader, and a peer that sends on
// is held back.
func TestMessages_BoundWhatWaits(t *testing.T) {
	start := make(chan struct{})
	got := make(chan int, 1)
	srv := &server.Server{}
	srv.QueueMessages = 8
	srv.OnConnection = func(c *conn.Conn) {
		messages := c.Messages(context.Background())
		go func() {
			<-start
			n := 0
			for m, err := range messages {
				if err != nil || m.String() != fmt.Sprint(n) {
					t.Errorf("message %d: %v, %v", n, m, err)
				}
				n++
			}
			got <- n
		}()
	}
	c := dialled(t, serving(t, srv))
	for i := range 500 {
		if err := c.SendText(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Close(frame.NormalClosure, "")
	close(start)
	if n := <-got; n != 500 {
		t.Errorf("%d messages", n)
	}
}

// A round trip is measured, and a text ping answered, at either end.
func TestConn_RTTAndAutoAnswer(t *testing.T) {
	own := &server.Server{OnConnection: func(c *conn.Conn) { _ = c.AutoAnswer(`{"ping":1}`, `{"pong":1}`) }}
	option := &server.Server{AutoAnswer: conn.AutoAnswer{Request: `{"ping":1}`, Answer: `{"pong":1}`}}
	for name, srv := range map[string]*server.Server{"own": own, "option": option} {
		t.Run(name, func(t *testing.T) { checkAutoAnswer(t, dialled(t, serving(t, srv))) })
	}
}

// An answer that could not be sent as a text is an error of the call, as it is one of the option, and changes nothing.
func TestConn_AutoAnswerIsText(t *testing.T) {
	srv := &server.Server{AutoAnswer: conn.AutoAnswer{Request: `{"ping":1}`, Answer: `{"pong":1}`}}
	srv.OnConnection = func(c *conn.Conn) {
		if err := c.AutoAnswer(`{"ping":1}`, "\xff"); !errors.Is(err, conn.ErrNotUTF8) {
			t.Error(err)
		}
	}
	checkAutoAnswer(t, dialled(t, serving(t, srv)))
}

func checkAutoAnswer(t *testing.T, c *conn.Conn) {
	t.Helper()
	for {
		if rtt, ok := c.RTT(); ok {
			if rtt <= 0 || rtt > time.Minute {
				t.Errorf("RTT is %v", rtt)
			}
			break
		}
		_ = c.SendText(`{"ping":1}`) // its answer comes behind the pong
		if m, err := c.Receive(t.Context()); err != nil || m.String() != `{"pong":1}` {
			t.Fatalf("%v, %v", m, err)
		}
	}
}

// In the steady state a message that is read allocates nothing, at either end.
func TestMessages_AllocateNothing(t *testing.T) {
	srv := &server.Server{Loops: 1}
	srv.OnConnection = func(c *conn.Conn) {
		ctx, cancel := context.WithCancel(context.Background())
		messages := c.Messages(ctx)
		go func() {
			defer cancel()
			_ = echo(c, messages)
		}()
	}
	c := dialled(t, serving(t, srv))
	messages, stop := iter.Pull2(c.Messages(t.Context()))
	defer stop()
	n := allocs.PerRun(200, func() {
		if err := c.SendText("hello"); err != nil {
			t.Fatal(err)
		}
		if m, err, ok := messages(); !ok || err != nil || len(m.Payload) != 5 {
			t.Fatalf("%v, %v", m, err)
		}
	})
	if n > 0 && !raceEnabled && !guard.Checking {
		t.Errorf("%v allocations for each message", n)
	}
}

// A callback that ends its goroutine beside OnConnection closes the connection, and what waits is for
// another goroutine.
func TestMessages_InOnConnectionBesideGoexit(t *testing.T) {
	looped, closed := make(chan error, 1), make(chan error, 1)
	srv := &server.Server{Dispatch: conn.OnGoroutines, Logger: slog.New(slog.DiscardHandler)}
	srv.OnPing = func(*conn.Conn, []byte) { runtime.Goexit() }
	srv.OnConnection = func(c *conn.Conn) { looped <- echo(c, c.Messages(context.Background())) }
	srv.OnClose = func(_ *conn.Conn, info conn.CloseInfo) { closed <- info.Err }
	c := dialled(t, serving(t, srv))
	_ = c.SendText("hello") // its answer says that OnConnection reads
	if _, err := c.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = c.Ping(nil)
	if _, err := c.Receive(t.Context()); !errors.Is(err, conn.ErrClosed) || errors.Is(err, io.EOF) {
		t.Errorf("the client: %v", err)
	}
	if err := <-looped; !errors.Is(err, conn.ErrPanic) {
		t.Errorf("the loop: %v", err)
	}
	if err := <-closed; !errors.Is(err, conn.ErrPanic) {
		t.Errorf("closed: %v", err)
	}
}
