package server

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/session"
)

// modes runs a test with callbacks on the loop, on goroutines, and on both.
func modes(t *testing.T, f func(t *testing.T, d conn.Dispatch)) {
	t.Run("on_loop", func(t *testing.T) { f(t, conn.OnLoop) })
	t.Run("on_goroutines", func(t *testing.T) { f(t, conn.OnGoroutines) })
	t.Run("adaptive", func(t *testing.T) { f(t, conn.Adaptive) })
}

// start starts a server on a free port. With the test it ends, and must then have
// given back everything it took.
func start(t testing.TB, s *Server) *Server {
	t.Helper()
	return startWith(t, s, s.Start)
}

func startWith(t testing.TB, s *Server, start func() error) *Server {
	t.Helper()
	before := census(t)
	prepare(s)
	if err := start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := within(t, "Close", s.Close); err != nil {
			t.Error(err)
		}
		expectNothingHeld(t, s)
		if now, ok := before.comesBack(t); !ok {
			t.Errorf("%v before the server, %v after\n%s", before, now, stacks())
		}
	})
	return s
}

// prepare fills in what tests leave open.
func prepare(s *Server) {
	if s.Addr == "" {
		s.Addr = "127.0.0.1:0"
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Loops == 0 {
		s.Loops = 2
	}
	if s.HandshakeTimeout == 0 { // on a slow machine clients take their time
		s.HandshakeTimeout = time.Minute
	}
}

// expectNothingHeld fails unless a server that has ended has nothing left.
func expectNothingHeld(t testing.TB, s *Server) {
	t.Helper()
	receive(t, s.sessions.Idle()) // once the last close callback has returned
	if n := s.ClientCount(); n != 0 {
		t.Errorf("%d clients in the table", n)
	}
	if s.run == nil {
		return
	}
	for i, l := range s.run.loops {
		receive(t, l.Done())
		l.Each(func(cl *loop.Tenant) { t.Errorf("loop %d: slot %d is used", i, cl.ID()) })
		if n := l.Stats().Timers; n != 0 {
			t.Errorf("loop %d: %d timers armed", i, n)
		}
		eventually(t, "the last buffers", func() bool {
			n, _ := l.Buffers().Lent()
			return n == 0
		})
		eventually(t, "the last buffers of requests", func() bool { // a relay may have some a little longer
			n, _ := unopened(l).Lent()
			return n == 0
		})
	}
}

// drain is Shutdown for tests that do not look at its figures.
func drain(s *Server, ctx context.Context) error {
	_, err := s.Shutdown(ctx)
	return err
}

// load is how many connections a server's loops count, or take as theirs.
func load(s *Server) (n int64) {
	for _, l := range s.run.loops {
		n += l.Load()
	}
	return n
}

// within is what f returns, which must not take for ever.
func within[T any](t testing.TB, what string, f func() T) T {
	t.Helper()
	result := make(chan T, 1)
	go func() { result <- f() }()
	select {
	case v := <-result:
		return v
	case <-time.After(patience):
		t.Fatalf("%s does not return\n%s", what, stacks())
		panic("unreachable")
	}
}

// onItsLoop is a connection as its loop has it.
func onItsLoop(c *conn.Conn) *loop.Tenant { return loop.Of[loop.Tenant]((*session.Conn)(c)) }

// fdOf is a connection's descriptor.
func fdOf(c *conn.Conn) int { return onItsLoop(c).FD() }

// unopened is a loop's pool for connections that are not open.
func unopened(l *phase.Table) *buffer.Pool {
	_, pool := l.Pools()
	return pool
}

// do calls f on a loop, and waits for it.
func do(t testing.TB, l *phase.Table, f func()) {
	t.Helper()
	done := make(chan struct{})
	l.Ask(func() { f(); close(done) })
	receive(t, done)
}

// patience is how long a test waits for what comes at once on a machine that does nothing else. peerPatience is
// how long a peer has for all that it does.
const (
	patience     = 30 * time.Second
	peerPatience = 2 * patience
)

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// onceInTime calls f until it returns true: false says that the machine was too slow for what f looks at.
func onceInTime(t testing.TB, f func() bool) {
	t.Helper()
	for range 10 {
		if f() || t.Failed() {
			return
		}
	}
	t.Error("the machine was too slow each time")
}

// cutLate reports whether an error of Shutdown says that it has not waited for all loops to cut their connections.
func cutLate(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "has not come to its end") || strings.Contains(err.Error(), "holds an event loop"))
}

// receive takes the next value a callback has sent.
func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("waited in vain for a callback")
		panic("unreachable")
	}
}

// give sends what a callback waits for.
func give[T any](t testing.TB, c chan<- T, v T) {
	t.Helper()
	select {
	case c <- v:
	case <-time.After(patience):
		t.Fatal("no callback waits")
	}
}

// cell is a variable that a test changes under a running server.
type cell[T any] struct {
	mu sync.Mutex
	v  T
}

func (c *cell[T]) set(v T) {
	c.mu.Lock()
	c.v = v
	c.mu.Unlock()
}

func (c *cell[T]) get() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.v
}

func echo(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) }

// journal is a log to look things up in.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// lines are those that contain the text.
func (j *journal) lines(text string) (n int) {
	for line := range strings.Lines(j.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// expect fails unless the log has lines with each of the texts.
func (j *journal) expect(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		eventually(t, "the log to say "+text, func() bool { return j.lines(text) > 0 })
	}
}
