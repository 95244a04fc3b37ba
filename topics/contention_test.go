package topics

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/server"
)

// contention is a server and clients on real sockets. Both ends of their connections are members.
type contention struct {
	*Topics
	t       *testing.T
	clients client.Client

	mu    sync.Mutex
	conns []*conn.Conn // both ends, open or not
}

func newContention(t *testing.T) (w *contention, url string) {
	if err := (platform.Real{}).Supported(); err != nil {
		t.Skip(err)
	}
	w = &contention{Topics: &Topics{History: keep(History{Messages: 20, Last: true})}, t: t}
	w.OnChange = func(Change) {}
	w.OnInterest = func(string, bool) {}
	w.OnLost = func(l Lost) { t.Error(l) }
	srv := &server.Server{Addr: "127.0.0.1:0", Loops: 2, Logger: quiet, OnConnection: w.enter}
	srv.MessagesPerSecond, srv.MaxConnections = -1, 1000
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	w.clients.Logger, w.clients.Loops, w.clients.Limits.MessagesPerSecond = quiet, 1, -1
	t.Cleanup(func() {
		_ = w.clients.Close()
		_ = srv.Close()
		w.settled()
		if n := w.Stats().Subscriptions; n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
	})
	return w, "ws://" + srv.ListenAddr().String()
}

// settled waits for the callbacks.
func (w *contention) settled() {
	for running := true; running; time.Sleep(time.Millisecond) {
		w.events.mu.Lock()
		running = w.events.running
		w.events.mu.Unlock()
	}
}

func (w *contention) enter(c *conn.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
}

func (w *contention) any(rnd *rand.Rand) *conn.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conns[rnd.IntN(len(w.conns))]
}

func (w *contention) dial(url string) *conn.Conn {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := w.clients.Dial(ctx, url)
	if err != nil {
		w.t.Error(err)
	}
	return c
}

// reader checks what one client reads: all messages of each publisher, in order.
type reader struct {
	mu    sync.Mutex
	next  map[string]int
	total int
	wrong string
}

func (r *reader) read(_ *conn.Conn, m conn.Message) {
	var n int
	name, number, _ := strings.Cut(m.String(), " ")
	_, _ = fmt.Sscan(number, &n)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n != r.next[name] && r.wrong == "" {
		r.wrong = fmt.Sprintf("%s: message %d, want %d", name, n, r.next[name])
	}
	r.next[name] = n + 1
	r.total++
}

// Members come and go on 64 goroutines, and on two servers' worth of loops, while others publish. Those that
// stay get each publisher's messages once and in order.
func TestContention(t *testing.T) {
	w, url := newContention(t)
	const publishers, each, steady = 24, 100, 8
	var readers []*reader
	for range steady {
		r := &reader{next: make(map[string]int)}
		readers = append(readers, r)
		c := w.dial(url)
		c.OnMessage(r.read)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		n := len(w.conns)
		w.mu.Unlock()
		if n == steady {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server has not all of its connections")
		}
	}
	for i, c := range w.conns { // the server's ends
		if _, err := w.Subscribe(c, []string{"steady", ">"}[i%2]); err != nil {
			t.Fatal(err)
		}
	}
	w.mu.Lock()
	w.conns = nil // they are not closed by anyone
	w.mu.Unlock()
	for range 16 {
		w.enter(w.dial(url))
	}
	var all sync.WaitGroup
	for i := range publishers {
		all.Go(func() {
			for n := range each {
				if _, err := w.Publish("steady", text(fmt.Sprintf("p%d %d", i, n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 64 - publishers {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 9))
			for range 60 {
				w.step(rnd, url)
			}
		})
	}
	all.Wait()
	for i, r := range readers {
		r.await(t, i, publishers*each)
	}
}

func (r *reader) await(t *testing.T, i, want int) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		total, wrong := r.total, r.wrong
		r.mu.Unlock()
		if wrong != "" || total > want {
			t.Errorf("reader %d: %d messages of %d; %s", i, total, want, wrong)
			return
		}
		if total == want {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("reader %d: %d messages of %d", i, total, want)
			return
		}
	}
}

// step does something with any connection, but publishes to no topic that readers read.
func (w *contention) step(rnd *rand.Rand, url string) {
	c := w.any(rnd)
	name := []string{"steady", "a.b", "a.*", "c"}[rnd.IntN(4)]
	switch rnd.IntN(12) {
	case 0, 1, 2:
		_, _ = w.Subscribe(c, name)
	case 3, 4:
		_ = w.Unsubscribe(c, name)
	case 5:
		_ = w.SubscribeSince(c, "steady", Position{}, func(Position, error) {})
	case 6:
		_ = w.SetPresence(c, name, rnd.IntN(10))
	case 7:
		for other := range w.Members(name) {
			_ = other.State()
		}
		for other := range w.Presence(name) {
			_ = other.State()
		}
	case 8:
		_, _ = w.Count(name), w.Stats()
		for topic := range w.Of(c) {
			_ = w.Count(topic)
		}
	case 9:
		if rnd.IntN(4) == 0 {
			_ = c.Close(1000, "")
			w.enter(w.dial(url))
		}
	default:
		err := w.SubscribeSince(c, "steady", Position{1, 1}, func(at Position, err error) {
			if err != ErrGap {
				w.t.Error(at, err)
			}
		})
		if err != nil && err != conn.ErrClosed && err != ErrTooManyTopics {
			w.t.Error(err)
		}
	}
}

// Whoever publishes holds the topic's lock, and looks for patterns. Whoever publishes to a new topic
// looks whether old ones can be forgotten.
func TestContention_OldTopicsWhileNewOnesAreMade(t *testing.T) {
	h := &Topics{History: keep(History{Messages: 1, Age: time.Hour})}
	publish := func(name string) {
		if _, err := h.Publish(name, text("x")); err != nil {
			t.Error(err)
		}
	}
	const times = 50_000
	publish("old")
	var publishers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			for range times {
				publish("old")
			}
		})
	}
	publishers.Go(func() {
		for i := range times {
			publish(fmt.Sprint("new.", i))
		}
	})
	publishers.Wait()
	if n := h.Stats().Topics; n != times+1 {
		t.Errorf("%d topics, want %d", n, times+1)
	}
}
