package session

import (
	stdcontext "context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/framerail/framerail/frame"
)

// readingRig is a rig whose program reads from the Open callback on.
func readingRig(t *testing.T, cfg Config) *rig {
	cfg.Handlers.Open = func(c *Conn) { expect(t, "Ask", Incoming{c}.Ask(), nil) }
	return openRig(t, cfg)
}

// taken is one call of Receive that need not wait.
func (r *rig) taken() (string, error) {
	in := r.c.receiving()
	if in.waiting() == 0 && r.c.State() != Closed {
		_, err := (Incoming{r.c}).Receive(done())
		return "", err
	}
	m, err := (Incoming{r.c}).Receive(stdcontext.Background())
	return m.String(), err
}

func TestReceiveInOrder(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := readingRig(t, Config{Dispatch: dispatch})
		r.receive(slices.Concat(text("a"), text("b")))
		for _, want := range []string{"a", "b"} {
			got, err := r.taken()
			expect(t, "error", err, nil)
			expect(t, "message", got, want)
		}
		_, err := r.taken()
		expect(t, "with a context that is done", err, stdcontext.Canceled)
		expect(t, "state", r.c.State(), Open)
		r.c.Abort()
		r.turn()
		_, err = r.taken()
		expect(t, "at the end", err, ErrEnded)
	})
}

// The peer is not read from while more waits than may, and is once half of it is left.
func TestReceiveHoldsThePeer(t *testing.T) {
	for _, cfg := range []Config{{QueueMessages: 4}, {QueueBytes: 4}} {
		r := readingRig(t, cfg)
		r.receive(slices.Concat(text("1"), text("2"), text("3")))
		expect(t, "read", r.read, true)
		r.receive(slices.Concat(text("4"), text("5")))
		expect(t, "read with four that wait", r.read, false)
		expect(t, "of them", r.c.receiving().waiting(), 4)
		_, _ = r.taken()
		r.turn()
		expect(t, "read with three", r.read, false)
		_, _ = r.taken()
		r.turn()
		expect(t, "read with two, and the fifth", r.read, true)
		expect(t, "of them", r.c.receiving().waiting(), 3)
		r.c.Abort()
		r.turn()
	}
}

// A peer's Close frame is answered once what came before it was received, and when the reader comes
// back for more.
func TestReceiveBeforeThePeersClose(t *testing.T) {
	r := readingRig(t, Config{})
	r.receive(slices.Concat(text("a"), peer(frame.Close, true, "\x03\xe8")))
	expect(t, "state", r.c.State(), Open)
	got, _ := r.taken()
	expect(t, "answer", r.c.SendText(got+"!"), nil)
	done := make(chan error)
	go func() {
		_, err := (Incoming{r.c}).Receive(stdcontext.Background())
		done <- err
	}()
	r.eventually("the end", r.hasEnded)
	expect(t, "error", <-done, ErrEnded)
	sent := r.sent()
	if len(sent) != 2 || sent[0].payload != "a!" || sent[1].op != frame.Close {
		t.Errorf("sent %v", sent)
	}
	expect(t, "clean", r.info().Clean(), true)
}

// A reader that is gone does not keep the connection open beyond the close timeout.
func TestReceiverThatIsGone(t *testing.T) {
	r := readingRig(t, Config{CloseTimeout: time.Second})
	r.receive(slices.Concat(text("a"), peer(frame.Close, true, "\x03\xe8")))
	r.advance(time.Second - time.Millisecond)
	expect(t, "closed", r.wire.closed, false)
	r.advance(2 * time.Millisecond)
	expect(t, "closed", r.wire.closed, true)
	got, err := r.taken() // it was whole
	expect(t, "error", err, nil)
	expect(t, "message", got, "a")
}

// What the peer broke a rule with comes behind what it sent before.
func TestReceiveBeforeAFailure(t *testing.T) {
	r := readingRig(t, Config{})
	r.receive(slices.Concat(text("a"), peer(frame.Text, true, "\xff")))
	got, _ := r.taken()
	expect(t, "message", got, "a")
	go func() { _, _ = Incoming{r.c}.Receive(stdcontext.Background()) }()
	r.eventually("the Close frame", func() bool { return r.c.State() != Open })
	r.turn()
	r.wire.inErr = io.EOF
	r.d.Readable()
	expect(t, "sent", r.info().Sent, frame.InvalidFramePayloadData)
}

func TestReceiveOrCallbacks(t *testing.T) {
	r := openRig(t, Config{})
	if err := (Incoming{r.c}).Ask(); !errors.Is(err, ErrNotReading) {
		t.Errorf("after Open: %v", err)
	}
	var called []string
	note := func(_ *Conn, m Message) { called = append(called, m.String()) }
	r = openRig(t, Config{Handlers: Handlers{Message: note, Open: func(c *Conn) {
		if err := (Incoming{c}).Ask(); !errors.Is(err, ErrNotReading) {
			t.Errorf("with a callback: %v", err)
		}
	}}})
	r.receive(text("a"))
	expect(t, "called", len(called), 1)

	// A callback that is set later gets what waits.
	r = readingRig(t, Config{QueueMessages: 2})
	r.receive(slices.Concat(text("a"), text("b"), text("c")))
	got := make(chan string, 4)
	r.c.OnMessage(func(_ *Conn, m Message) { got <- m.String() })
	expect(t, "what holds messages", r.c.received().held, (*heldMessages)(nil))
	r.turn()
	for _, want := range []string{"a", "b"} {
		expect(t, "called with", <-got, want)
	}
	r.eventually("the rest", func() bool { r.turn(); return len(got) == 1 })
	expect(t, "called with", <-got, "c")
	if _, err := (Incoming{r.c}).Receive(stdcontext.Background()); !errors.Is(err, ErrNotReading) {
		t.Errorf("after OnMessage: %v", err)
	}
}

// What waits is dropped when this side closes, as with callbacks on goroutines.
func TestReceiveAfterClose(t *testing.T) {
	r := readingRig(t, Config{})
	r.receive(text("a"))
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	r.receive(peer(frame.Close, true, "\x03\xe8"))
	_, err := r.taken()
	expect(t, "error", err, ErrEnded)
}

// A text that has a fixed answer gets it on the loop. Nobody is called, and nobody reads it.
func TestAutoAnswer(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := readingRig(t, Config{Dispatch: dispatch})
		expect(t, "error", Incoming{r.c}.AutoAnswer("ping", "pong"), nil)
		if err := (Incoming{r.c}).AutoAnswer("ping", "\xff"); !errors.Is(err, ErrNotUTF8) { // RFC 6455 5.6
			t.Errorf("an answer that is no text: %v", err)
		}
		r.receive(slices.Concat(text("ping"), text("pin"), peer(frame.Binary, true, "ping"), text("ping")))
		sent := r.sent()
		if len(sent) != 2 || sent[0].payload != "pong" || sent[1].op != frame.Text {
			t.Errorf("sent %v", sent)
		}
		for _, want := range []string{"pin", "ping"} {
			got, _ := r.taken()
			expect(t, "message", got, want)
		}
		expect(t, "error", Incoming{r.c}.AutoAnswer("", ""), nil)
		r.receive(text("ping"))
		got, _ := r.taken()
		expect(t, "message", got, "ping")
		r.c.Abort()
		r.turn()
	})
}

// A peer that has gone is found out by a ping, also while nobody reads what it sent.
func TestReceiverThatIsGone_AsIsThePeer(t *testing.T) {
	r := readingRig(t, Config{QueueMessages: 1, IdleTimeout: 2 * time.Minute, PingInterval: 30 * time.Second})
	r.receive(text("a"))
	expect(t, "read", r.read, false)
	r.wire.outErr = errors.New("connection reset by peer")
	r.advance(29 * time.Second)
	expect(t, "closed", r.wire.closed, false)
	r.advance(time.Second)
	expect(t, "closed", r.wire.closed, true)
}

// What waits for Receive counts as held, and a connection that is shed gives it back.
func TestReceiveAfterShed(t *testing.T) {
	r := readingRig(t, Config{})
	r.receive(slices.Concat(text("a"), text("b")))
	_, _ = r.taken()
	held, _ := r.d.Holding()
	expect(t, "held: two buffers", held, 2*512)
	r.d.Shed()
	_, err := Incoming{r.c}.Receive(done())
	expect(t, "error", err, stdcontext.Canceled)
	r.c.Abort()
	r.turn()
	_, err = r.taken()
	expect(t, "at the end", err, ErrEnded)
}

// done is a context that is done.
func done() stdcontext.Context {
	ctx, cancel := stdcontext.WithCancel(stdcontext.Background())
	cancel()
	return ctx
}

func TestReceiverTakesLittle(t *testing.T) {
	if size := unsafe.Sizeof(receiving{}) + unsafe.Sizeof(extras{}); unsafe.Sizeof(uintptr(0)) == 8 && size > 128 {
		t.Errorf("a connection that waits for Receive takes %d bytes more", size)
	}
}

func TestReceiveTwiceAtOnce(t *testing.T) {
	r := readingRig(t, Config{})
	got := make(chan string)
	go func() {
		m, _ := Incoming{r.c}.Receive(stdcontext.Background())
		got <- m.String()
	}()
	r.eventually("the first call", func() bool {
		r.c.mu.Lock()
		defer r.c.mu.Unlock()
		return r.c.receiving().busy
	})
	_, err := Incoming{r.c}.Receive(stdcontext.Background())
	expect(t, "second call", err, errTwo)
	r.receive(text("a"))
	expect(t, "first call", <-got, "a")
	r.c.Abort()
	r.turn()
}

// A callback that is set while messages arrive gets them all, in order and one at a time.
func TestReceive_ACallbackSetMeanwhileGetsAll(t *testing.T) {
	for range 100 {
		r := openRig(t, Config{Role: frame.Client})
		const n = 200
		var running atomic.Bool
		got := make(chan string, n)
		set := make(chan bool)
		go func() {
			defer close(set)
			for range rand.IntN(100) {
				runtime.Gosched()
			}
			r.c.OnMessage(func(_ *Conn, m Message) {
				if running.Swap(true) {
					t.Error("two callbacks run at the same time")
				}
				got <- m.String()
				runtime.Gosched()
				running.Store(false)
			})
		}()
		for i := range n {
			r.receive(frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: frame.Text}, []byte(strconv.Itoa(i))))
		}
		<-set
		r.eventually("all messages", func() bool { return len(got) == n })
		for i := range n {
			expect(t, "message", <-got, strconv.Itoa(i))
		}
	}
}

// Messages that waited do not go to a new callback while another one runs.
func TestReceive_ACallbackSetByAnotherWaitsForIt(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var running atomic.Bool
		got := make(chan string, 2)
		sets := func(c *Conn) {
			running.Store(true)
			c.OnMessage(func(_ *Conn, m Message) {
				if running.Load() {
					t.Error("two callbacks run at the same time")
				}
				got <- m.String()
			})
			for range 1000 {
				runtime.Gosched()
			}
			running.Store(false)
		}
		for _, way := range []string{"ping", "function", "function that aborts"} {
			r := readingRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Ping: func(c *Conn, _ []byte) { sets(c) }}})
			r.receive(text("a"))
			switch way {
			case "ping":
				r.receive(peer(frame.Ping, true, ""))
			case "function":
				_ = r.c.Do(sets)
			default:
				_ = r.c.Do(func(c *Conn) { sets(c); c.Abort() })
				r.eventually("the close callback's end", r.hasEnded)
				continue
			}
			r.receive(text("b"))
			r.eventually("both messages", func() bool { return len(got) == 2 })
			expect(t, "first", <-got, "a")
			expect(t, "second", <-got, "b")
		}
	})
}
