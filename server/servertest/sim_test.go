package servertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

var quiet = slog.New(slog.DiscardHandler)

func echo(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) }

// simulate is New for a test, which fails unless Close finds nothing.
func simulate(t *testing.T, seed uint64, srv *server.Server) *Sim {
	t.Helper()
	if srv.Logger == nil {
		srv.Logger = quiet
	}
	sim := New(seed, srv)
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return sim
}

func (c *Client) expect(t *testing.T, want string) {
	t.Helper()
	c.sim.Settle()
	if m, ok := c.Next(); !ok || string(m.Payload) != want {
		t.Errorf("read %q (%v), want %q", m.Payload, ok, want)
	}
}

// play is a script that a seed decides about, with many clients and faults.
func play(t *testing.T, seed uint64, faults Faults, trace io.Writer) (sum uint64) {
	srv := &server.Server{Loops: 2, Dispatch: conn.Dispatch(seed % 3), Logger: quiet}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		for other := range srv.Clients() {
			_ = other.Send(m.Type, m.Payload)
		}
	}
	sim := simulate(t, seed, srv)
	sim.Faults = faults
	sim.Trace = trace
	var clients []*Client
	for i := range 20 {
		c := sim.Dial("/")
		c.SendText(strings.Repeat("x", i*100))
		clients = append(clients, c)
		for range 10 {
			sim.Step()
		}
	}
	clients[3].Reset()
	clients[4].Close(frame.NormalClosure, "")
	clients[5].Leave()
	sim.Advance(5 * time.Second)
	for range 5 { // into the slots of clients that have gone
		sim.Dial("/").SendText("late")
	}
	sim.Advance(3 * time.Minute)
	_, _ = srv.Shutdown(sim.Context(time.Second))
	return sim.Sum()
}

func TestSim_SeedReplaysExactly(t *testing.T) {
	sums := make(map[uint64]bool)
	for seed := range uint64(10) {
		var first, second bytes.Buffer
		sum := play(t, seed, Rough(), &first)
		if again := play(t, seed, Rough(), &second); sum != again || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("seed %d: %d bytes of trace and %d, sums %x and %x", seed, first.Len(), second.Len(), sum, again)
		}
		sums[sum] = true
	}
	if len(sums) != 10 {
		t.Errorf("10 seeds, but %d courses of things", len(sums))
	}
}

// Nothing comes of events of registrations that are gone, however many there are.
func TestSim_EventsOfThoseGoneChangeNothing(t *testing.T) {
	for seed := range uint64(10) {
		faults := Rough()
		faults.Gone = 0.9
		sum := play(t, seed, faults, nil)
		faults.Gone = 0
		if without := play(t, seed, faults, nil); sum != without {
			t.Errorf("seed %d: sum %x, and %x without them", seed, sum, without)
		}
	}
}

func TestSim_TimePassesOnlyOnRequest(t *testing.T) {
	sim := simulate(t, 1, &server.Server{OnMessage: echo})
	c := sim.Dial("/")
	sim.Settle()
	if !c.Connected() || sim.Now() != birthday {
		t.Fatalf("connected: %v at %v", c.Connected(), sim.Now())
	}
	sim.Advance(time.Hour)
	if got := sim.Now().Sub(birthday); got != time.Hour {
		t.Errorf("%v passed in an hour", got)
	}
	if n := c.Pings(); n < 80 || n > 82 {
		t.Errorf("%d pings in an hour, one within 45 s is the default", n)
	}
}

// A silent peer is gone after the idle timeout, and not before.
func TestSim_IdleTimeout(t *testing.T) {
	var info conn.CloseInfo
	srv := &server.Server{OnClose: func(_ *conn.Conn, i conn.CloseInfo) { info = i }}
	sim := simulate(t, 1, srv)
	c := sim.Dial("/")
	c.Manual()
	sim.Advance(119 * time.Second)
	if info.Err != nil {
		t.Errorf("closed after %v: %v", sim.Now().Sub(birthday), info)
	}
	sim.Advance(2 * time.Second)
	if !errors.Is(info.Err, conn.ErrIdle) {
		t.Errorf("after %v: %v", sim.Now().Sub(birthday), info)
	}
}

func TestSim_SlowRequestIsRefused(t *testing.T) {
	sim := simulate(t, 1, new(server.Server))
	c := sim.DialWith(Request{Raw: []byte("GET / HTTP/1.1\r\n")})
	sim.Advance(4 * time.Second)
	if c.Response() != nil {
		t.Errorf("refused before its time: %v", c.Response().Status)
	}
	sim.Advance(2 * time.Second)
	if r := c.Response(); r == nil || r.StatusCode != 408 {
		t.Errorf("after 6 s: %v", r)
	}
}

// A server that drains waits two seconds for a request, as its documents say.
func TestSim_DrainingWaitsTwoSecondsForARequest(t *testing.T) {
	srv := new(server.Server)
	sim := simulate(t, 1, srv)
	c := sim.DialWith(Request{Raw: []byte("GET / HTTP/1.1\r\n")})
	sim.Settle()
	sim.Go(func() {
		if _, err := srv.Shutdown(sim.Context(time.Minute)); err != nil {
			t.Error(err)
		}
	})
	sim.Advance(1950 * time.Millisecond)
	if r := c.Response(); r != nil {
		t.Errorf("answered before two seconds are over: %v", r.Status)
	}
	sim.Advance(150 * time.Millisecond)
	if r := c.Response(); r == nil || r.StatusCode != 503 {
		t.Errorf("after two seconds: %v", r)
	}
}

// A Stream callback waits for the rest of its message while the others go on.
func TestSim_StreamsWait(t *testing.T) {
	srv := &server.Server{OnStream: func(c *conn.Conn, r *conn.Reader) {
		read, err := r.ReadAll()
		s := string(read)
		if err == nil {
			_ = c.SendText("read " + s)
		}
	}}
	sim := simulate(t, 1, srv)
	c, other := sim.Dial("/"), sim.Dial("/")
	c.SendFrame(frame.Header{Opcode: frame.Text}, []byte("one, "))
	sim.Settle()
	other.SendText("between")
	other.expect(t, "read between")
	c.SendFrame(frame.Header{Fin: true, Opcode: frame.Continuation}, []byte("two"))
	c.expect(t, "read one, two")
}

// ReadFrom waits for a peer that does not read, within the bound on pending bytes.
func TestSim_WritersWait(t *testing.T) {
	const size = 1 << 20
	var most int
	srv := &server.Server{Dispatch: conn.OnGoroutines, Limits: server.Limits{Limits: conn.Limits{MaxPending: 64 << 10}}}
	srv.OnMessage = func(c *conn.Conn, _ conn.Message) {
		w, err := c.NewWriter(conn.Binary)
		if err == nil {
			_, err = w.ReadFrom(io.LimitReader(zeros{}, size))
			most = c.Pending()
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
	sim := simulate(t, 1, srv)
	sim.Faults = Faults{ShortWrites: 0.5, Cuts: 0.5}
	c := sim.Dial("/")
	sim.Settle()
	c.Pause()
	c.SendText("go")
	sim.Settle()
	if _, ok := c.Next(); ok {
		t.Error("a client that is paused has read")
	}
	c.Resume()
	sim.Settle()
	m, ok := c.Next()
	if !ok || len(m.Payload) != size || most > 64<<10 {
		t.Errorf("%d bytes came (%v), %d were pending", len(m.Payload), ok, most)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSim_SleepAndWaitForAndGo(t *testing.T) {
	var sim *Sim
	var order []string
	ready := false
	srv := &server.Server{Dispatch: conn.OnGoroutines, OnMessage: func(_ *conn.Conn, m conn.Message) {
		switch m.String() {
		case "sleep":
			sim.Sleep(time.Second)
			ready = true
		case "wait":
			sim.WaitFor(func() bool { return ready })
		case "go":
			sim.Go(func() { order = append(order, "went") })
		}
		order = append(order, m.String())
	}}
	sim = simulate(t, 1, srv)
	for _, s := range []string{"wait", "sleep", "other", "go"} {
		sim.Dial("/").SendText(s)
		sim.Settle()
	}
	sim.Advance(2 * time.Second)
	if got := strings.Join(order, " "); got != "other go went sleep wait" && got != "other went go sleep wait" {
		t.Errorf("in the order %s", got)
	}
}

// Shutdown knows the simulation's time by its context.
func TestSim_ShutdownAgainstAClientThatStays(t *testing.T) {
	srv := &server.Server{Limits: server.Limits{Limits: conn.Limits{CloseTimeout: time.Hour}}}
	sim := simulate(t, 1, srv)
	c := sim.Dial("/")
	c.Manual()
	sim.Settle()
	drained, err := srv.Shutdown(sim.Context(10 * time.Second))
	if passed := sim.Now().Sub(birthday); !errors.Is(err, context.DeadlineExceeded) || passed < 10*time.Second || passed > 12*time.Second || drained.Forced != 1 {
		t.Errorf("back after %v: %+v, %v", passed, drained, err)
	}
	sim.Settle()
	if f, ok := c.Closed(); !ok || f.Code != frame.GoingAway || c.End() == nil {
		t.Errorf("the client was told %v (%v), and its end is %v", f, ok, c.End())
	}
}

// A client that has left, and one that resets, end as a kernel would have it.
func TestClient_Ends(t *testing.T) {
	var infos []conn.CloseInfo
	srv := &server.Server{OnMessage: echo, OnClose: func(_ *conn.Conn, i conn.CloseInfo) { infos = append(infos, i) }}
	sim := simulate(t, 1, srv)
	for _, end := range []func(*Client){(*Client).Leave, (*Client).Reset, (*Client).CloseWrite} {
		c := sim.Dial("/")
		c.SendText("hello")
		c.expect(t, "hello")
		end(c)
		sim.Settle()
	}
	if len(infos) != 3 || !errors.Is(infos[0].Err, io.ErrUnexpectedEOF) || !errors.Is(infos[1].Err, syscall.ECONNRESET) {
		t.Errorf("the server was told %v", infos)
	}
}

// What was looked at in vain for long rests, and yet goes on when it can: by its time, and by what others do.
func TestSim_WakesThoseThatRest(t *testing.T) {
	sim := simulate(t, 1, &server.Server{OnMessage: echo})
	var woke time.Time
	sim.Go(func() {
		sim.Sleep(time.Minute)
		woke = sim.Now()
	})
	c := sim.Dial("/")
	for range restAfter { // of several steps each
		c.SendText("x")
		c.expect(t, "x")
	}
	resting := 0
	for _, st := range sim.strands {
		if st.rests {
			resting++
		}
	}
	if resting != 2 {
		t.Errorf("%d of the one that sleeps and the one that accepts rest", resting)
	}
	other := sim.Dial("/")
	other.SendText("accepted")
	other.expect(t, "accepted")
	sim.Advance(2 * time.Minute)
	if got := woke.Sub(birthday); got != time.Minute {
		t.Errorf("it woke after %v", got)
	}
}

// Close tells what was left behind.
func TestSim_CloseFindsWhatIsLeft(t *testing.T) {
	var sim *Sim
	sim = New(1, &server.Server{Logger: quiet, Dispatch: conn.OnGoroutines, OnMessage: func(*conn.Conn, conn.Message) {
		sim.WaitFor(func() bool { return false })
	}})
	sim.Dial("/").SendText("hello")
	sim.Settle()
	if err := sim.Close(); err == nil || !strings.Contains(err.Error(), "has not ended") {
		t.Errorf("a callback that never returns: %v", err)
	}
}

func TestNew_PanicsIfTheServerDoesNotStart(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(1, &server.Server{Loops: -1})
}
