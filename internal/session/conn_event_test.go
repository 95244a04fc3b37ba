package session

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/frame"
)

// everything is a session with an event of each kind but Drained.
func everything() []byte {
	in := peer(frame.Ping, true, "1")
	in = append(in, peer(frame.Pong, true, "2")...)
	in = append(in, text("3")...)
	in = append(in, peer(frame.Binary, false, "4")...)
	in = append(in, peer(frame.Ping, true, "5")...)
	in = append(in, peer(frame.Continuation, true, "6")...)
	return append(in, peerClose(frame.NormalClosure, "7")...)
}

func TestCallbacksComeInOrder(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var mu sync.Mutex
		var got []string
		running := 0
		note := func(format string, args ...any) {
			mu.Lock()
			running++
			if running > 1 {
				t.Error("two callbacks at a time")
			}
			got = append(got, fmt.Sprintf(format, args...))
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			running--
			mu.Unlock()
		}
		r := newRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
			Open:    func(*Conn) { note("open") },
			Message: func(_ *Conn, m Message) { note("message %s", m.Payload) },
			Ping:    func(_ *Conn, p []byte) { note("ping %s", p) },
			Pong:    func(_ *Conn, p []byte) { note("pong %s", p) },
			Close:   func(_ *Conn, i CloseInfo) { note("close %d", i.Received) },
		}})
		r.d.Open(Opening{Rest: everything()})
		r.info()
		want := "[open ping 1 pong 2 message 3 ping 5 message 46 close 1000]"
		expect(t, "callbacks", fmt.Sprint(got), want)
		expect(t, "opened", r.opened, 1)
	})
}

// Callbacks set in Open are there for the first byte, and only for this connection.
func TestCallbacksOfOneConnection(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		got := make(chan string, 20)
		wrong := func(*Conn, []byte) { t.Error("the server's callback was called") }
		r := newRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
			Ping: wrong, Pong: wrong, Message: func(*Conn, Message) { wrong(nil, nil) },
			Open: func(c *Conn) {
				c.OnPing(func(*Conn, []byte) { got <- "ping" })
				c.OnPong(func(*Conn, []byte) { got <- "pong" })
				c.OnMessage(func(*Conn, Message) { got <- "message" })
				c.OnClose(func(*Conn, CloseInfo) { got <- "close" })
				c.OnDrained(func(*Conn) { got <- "drained" })
			},
		}})
		r.d.Open(Opening{Rest: everything()})
		r.eventually("the close callback", func() bool { return len(got) == 6 })
		for _, want := range []string{"ping", "pong", "message", "ping", "message", "close"} {
			expect(t, "callback", <-got, want)
		}
		if r.policy.config.Handlers.Drained != nil {
			t.Error("the server's callbacks were changed")
		}
	})
}

func TestOnPingNilBringsTheAutomaticPongBack(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Ping: func(c *Conn, p []byte) {
		_ = c.Pong(append([]byte("own "), p...))
		c.OnPing(nil)
	}}})
	r.receive(append(peer(frame.Ping, true, "1"), peer(frame.Ping, true, "2")...))
	got := r.sent()
	if len(got) != 2 || got[0].payload != "own 1" || got[1] != (sentFrame{frame.Pong, true, "2"}) {
		t.Errorf("sent %v", got)
	}
}

// RFC 6455 5.5.2: each ping is answered, those too that wait for a callback which is
// taken back meanwhile.
func TestPingsThatWaitForACallbackThatIsTakenBackAreAnswered(t *testing.T) {
	begun, gate := make(chan bool), make(chan bool)
	r := openRig(t, Config{Dispatch: OnGoroutines, Handlers: Handlers{Ping: func(c *Conn, p []byte) {
		begun <- true
		<-gate
		c.OnPing(nil)
		_ = c.Pong(append([]byte("own "), p...))
	}}})
	r.receive(ping("1"))
	<-begun
	r.receive(append(ping("2"), ping("3")...))
	close(gate)
	var got []sentFrame
	r.eventually("three pongs", func() bool { got = append(got, r.sent()...); return len(got) >= 3 })
	for i, want := range []string{"own 1", "2", "3"} {
		expect(t, "pong", got[i], sentFrame{frame.Pong, true, want})
	}
}

func TestWithoutCallbacksEverythingIsReadAndPingsAnswered(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := newRig(t, Config{Dispatch: dispatch})
		r.d.Open(Opening{Rest: everything()})
		expectInfo(t, r.info(), CloseInfo{By: Peer, Sent: frame.NormalClosure, Received: frame.NormalClosure, Reason: "7"})
		expect(t, "frames", len(r.sent()), 3)
	})
}

// lines is a log kept in memory.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
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

func TestInboxIsBounded(t *testing.T) {
	gate := make(chan bool)
	seen := make(chan string, 1000)
	r := openRig(t, Config{Dispatch: OnGoroutines, QueueMessages: 8, Handlers: Handlers{
		Message: func(_ *Conn, m Message) { <-gate; seen <- m.String() },
	}})
	for i := range 100 {
		r.receive(text(fmt.Sprint(i)))
	}
	r.c.mu.Lock()
	waiting := r.c.in.waiting()
	r.c.mu.Unlock()
	if waiting > 8 {
		t.Errorf("%d messages wait", waiting)
	}
	expect(t, "read interest", r.read, false)
	for range 2 {
		gate <- true
	}
	r.turn()
	expect(t, "read interest while more than half are left", r.read, false)
	close(gate)
	r.eventually("all messages", func() bool { return len(seen) == 100 })
	for i := range 100 {
		expect(t, "message", <-seen, fmt.Sprint(i))
	}
}

// A hold that ends while the loop is about to read on lets nothing overtake what
// was kept back.
func TestNothingOvertakesWhatIsKeptBack(t *testing.T) {
	const n = 4000
	next := 0
	r := openRig(t, Config{Dispatch: OnGoroutines, QueueMessages: 1, Handlers: Handlers{
		Message: func(_ *Conn, m Message) {
			if want := fmt.Sprintf("%06d", next); m.String() != want && next < n {
				t.Errorf("got %q, want %q", m.Payload, want)
				next = n
			}
			next++
		},
	}})
	r.loop.readBuf = make([]byte, 50) // so that reads fill it, and are followed by others
	for i := range n {
		r.wire.in = append(r.wire.in, text(fmt.Sprintf("%06d", i))...)
	}
	for len(r.wire.in) > 0 {
		r.poll()
		r.turn()
	}
	r.eventually("all messages", func() bool { return r.d.rx == nil && !r.c.queued() })
	expect(t, "messages", next, n)
}

func TestInboxIsBoundedInBytes(t *testing.T) {
	gate := make(chan bool)
	r := openRig(t, Config{Dispatch: OnGoroutines, QueueBytes: 10_000, Handlers: Handlers{
		Message: func(_ *Conn, m Message) { <-gate },
	}})
	for range 100 {
		r.receive(text(strings.Repeat("x", 3000)))
	}
	r.c.mu.Lock()
	size := r.c.in.bytes
	r.c.mu.Unlock()
	if size > 13_000 {
		t.Errorf("%d bytes wait", size)
	}
	close(gate)
	r.eventually("all messages", func() bool { return len(r.wire.in) == 0 && !r.c.queued() })
}

// An inbox that is never empty does not grow with what passes through it.
func TestInboxThatIsNeverEmptyDoesNotGrow(t *testing.T) {
	var c Conn
	in := &inbox{conn: &c}
	for range 10 {
		in.push(event{kind: eventPong})
	}
	for i := range 10_000 {
		in.push(event{op: frame.Opcode(i)})
		in.pop()
	}
	if n := cap(in.items); n > 64 {
		t.Errorf("room for %d events, of which %d are in use", n, in.waiting())
	}
	for i := 10_000 - 10; i < 10_000; i++ {
		expect(t, "event", in.pop().op, frame.Opcode(i))
	}
}

// Once this side has begun to close nothing holds the input any more: its Close must be found.
func TestControlFramesDoNotPileUpBehindACallbackThatHasClosed(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		gate, closed := make(chan bool), make(chan bool)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
			Ping: func(*Conn, []byte) { t.Error("ping after Close") },
			Pong: func(*Conn, []byte) { t.Error("pong after Close") },
			Stream: func(c *Conn, _ *Reader) {
				_ = c.Close(frame.NormalClosure, "")
				close(closed)
				<-gate
			},
		}})
		r.receive(text("x"))
		<-closed
		r.turn()
		for range 1000 {
			r.receive(append(peer(frame.Ping, true, "1"), peer(frame.Pong, true, "2")...))
		}
		r.c.mu.Lock()
		expect(t, "waiting", r.c.in.waiting(), 0)
		r.c.mu.Unlock()
		close(gate)
		r.receive(peerClose(frame.NormalClosure, ""))
		expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.NormalClosure, Received: frame.NormalClosure})
	})
}

func TestDrainedEventsDoNotPileUp(t *testing.T) {
	gate, begun := make(chan bool), make(chan bool, 100)
	r := openRig(t, Config{Dispatch: OnGoroutines, Handlers: Handlers{Drained: func(*Conn) { begun <- true; <-gate }}})
	for range 50 {
		r.drain(0)
		_ = r.c.SendText("x")
		r.turn()
		r.drain(-1)
	}
	close(gate)
	r.eventually("rest", func() bool { return !r.c.queued() })
	if n := len(begun); n < 1 || n > 2 {
		t.Errorf("drained callback ran %d times", n)
	}
}

func TestRequest(t *testing.T) {
	made := 0
	cfg := Config{Request: func(head []byte, remote netip.AddrPort) *http.Request {
		made++
		return &http.Request{RequestURI: string(head), RemoteAddr: remote.String()}
	}}
	both(t, func(t *testing.T, dispatch Dispatch) {
		for _, ask := range []bool{false, true} {
			cfg := cfg
			cfg.Dispatch = dispatch
			made = 0
			cfg.Handlers.Open = func(c *Conn) {
				expect(t, "subprotocol in Open", c.Subprotocol(), "chat")
				if ask {
					first, ok := c.Request()
					if !ok {
						t.Fatal("in the Open callback there is no request")
					}
					expect(t, "head", first.RequestURI, "GET /")
					again, _ := c.Request()
					expect(t, "the same request again", again, first)
				}
			}
			r := newRig(t, cfg)
			head := []byte("GET /")
			r.d.Open(Opening{Head: head, Subprotocol: "chat"})
			clear(head) // it was lent
			r.eventually("the Open callback's end", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.opened == 1 && !r.c.held() })
			expect(t, "subprotocol later", r.c.Subprotocol(), "chat")
			if got, ok := r.c.Request(); ok != ask || (got != nil) != ask {
				t.Errorf("request later: %v, %v", got, ok)
			}
			expect(t, "requests made", made, map[bool]int{true: 1}[ask])
			if r.c.extras.opening != nil {
				t.Error("what only the Open callback may ask for is kept")
			}
		}
	})
}

func TestNothingOfTheHandshakeIsKeptUnasked(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch, Request: func([]byte, netip.AddrPort) *http.Request { return new(http.Request) }})
		if r.c.extras != nil || r.loop.opening.head != nil {
			t.Error("something is kept")
		}
		expect(t, "subprotocol", r.c.Subprotocol(), "")
		got, ok := r.c.Request()
		expect(t, "request", got, nil)
		expect(t, "whether there is one", ok, false)
	})
}
