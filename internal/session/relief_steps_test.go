package session

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// handOver is a loop on goroutines of its own whose callback loses it. A test holds one of the two sides at one
// step, so that the other one goes as far as it can meanwhile.
type handOver struct {
	*rig
	held    step
	reached chan bool // the step is
	release chan bool // closed: the side goes on
	waits   chan bool // closed when the callback has nothing left but to wait, or more
	spawned chan bool // closed when the callback is done
	rescued chan bool // closed when the successor is
	lasts   chan bool // closed: the callback may return

	asked  chan func()
	ended  chan bool
	onLoop *Driver // the one whose method is called
	again  bool    // the second connection's callback loses the loop, too
	second chan bool

	noteMu sync.Mutex
	noted  []string
}

func (h *handOver) note(s string) {
	h.noteMu.Lock()
	defer h.noteMu.Unlock()
	h.noted = append(h.noted, s)
}

func (h *handOver) seen() string {
	h.noteMu.Lock()
	defer h.noteMu.Unlock()
	return strings.Join(h.noted, " ")
}

// look is called at each step of the first hand-over.
func (h *handOver) look() func(step) {
	var mu sync.Mutex
	var before [steps]bool
	return func(s step) {
		mu.Lock()
		again := before[s]
		before[s] = true
		mu.Unlock()
		if again {
			return // of the second loss, or after waiting without cause
		}
		switch s {
		case stepWaits:
			close(h.waits)
		case stepRescued:
			close(h.rescued)
		case stepSpawned:
			close(h.spawned)
		}
		if s == h.held {
			close(h.reached)
			<-h.release
		} else if s == stepRescuing && h.held == stepWaits {
			<-h.reached
		}
	}
}

// serve is the loop's goroutine, or the next.
func (h *handOver) serve() {
	finished := false
	defer func() {
		if finished {
			close(h.ended)
		} else if !h.loop.Lost() {
			go h.serve()
		}
	}()
	h.loop.Run(h.turns)
	finished = true
}

func (h *handOver) turns() {
	if d := h.onLoop; d != nil {
		if h.loop.Succeeds() {
			d.Resume()
		} else { // a callback has ended the goroutine
			_ = d.Close(frame.InternalError, "")
			d.Attend()
		}
	}
	for {
		h.onLoop = nil
		h.loop.BeginTurn(false)
		select {
		case d := <-h.scheduled:
			h.onLoop = d
			d.Attend()
		case f := <-h.asked:
			if f == nil {
				return
			}
			f()
		}
		h.onLoop = h.d
		h.poll()
	}
}

// ask has the loop call f, which may lose the loop to d's callback.
func (h *handOver) ask(d *Driver, f func()) {
	h.asked <- func() { h.onLoop = d; f() }
}

// until waits for a condition that others bring about.
func (h *handOver) until(what string, cond func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain for %s; seen: %s", what, h.seen())
		}
	}
}

func isClosed(c chan bool) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// otherSideGoesOn waits until the side that is not held has come as far as it can.
func (h *handOver) otherSideGoesOn() {
	switch h.held {
	case stepBegun, stepReturned:
		<-h.rescued
	case stepTaken, stepRescuing:
		<-h.waits
	case stepReleased, stepSpawned:
		<-h.rescued
	case stepRescued:
		<-h.spawned
	default: // a lock or a goroutine's start may hold it up: it has its chance
		for range 100 {
			runtime.Gosched()
		}
	}
}

// events are what happens while a side is held.
var events = map[string]struct {
	behind  string // what has come behind the message
	do      func(h *handOver)
	returns string // what is seen if the callback returns
	fails   string // and if it panics or ends its goroutine
}{
	"data behind": {string(text("y")), nil, "x y closed", "x closed"},
	"peer closes": {string(peerClose(frame.NormalClosure, "")), nil, "x closed", "x closed"},
	"abort":       {"", func(h *handOver) { h.c.Abort() }, "x closed", "x closed"},
	"do": {"", func(h *handOver) {
		_ = h.c.Do(func(*Conn) { h.note("do") })
	}, "x do closed", "x do closed"},
	"second loss": {string(text("y")), func(h *handOver) {
		h.again = true
		h.ask(h.others[0], func() {
			h.loop.until = 0
			h.loop.BeginTurn(false)
			h.others[0].transport.(*wire).in = text("z")
			h.others[0].Readable()
		})
	}, "x y closed", "x closed"},
	"end": {string(text("y")), func(h *handOver) { h.loop.End() }, "x y closed", "x closed"},
}

// At whichever step one side of a hand-over stands still, however the callback ends and whatever happens meanwhile:
// each callback runs once, in order, all memory is given back, and the loop goes on.
func TestRelief_AtEachStep(t *testing.T) {
	for held := range steps {
		for _, ends := range []string{"returns", "panics", "exits"} {
			for name, event := range events {
				t.Run(fmt.Sprintf("step=%d/%s/%s", held, ends, name), func(t *testing.T) {
					want := event.returns
					if ends != "returns" {
						want = event.fails
					}
					playHandOver(t, held, ends, event.behind, event.do, want)
				})
			}
		}
	}
}

// newHandOver is a loop with two connections, before its first goroutine runs.
func newHandOver(t *testing.T, held step, ends string) *handOver {
	h := &handOver{
		held: held, reached: make(chan bool), release: make(chan bool), waits: make(chan bool), spawned: make(chan bool),
		rescued: make(chan bool), lasts: make(chan bool), asked: make(chan func(), 100), ended: make(chan bool),
		second: make(chan bool, 1),
	}
	h.rig = openRig(t, Config{Dispatch: Adaptive, Handlers: Handlers{
		Message: func(c *Conn, m Message) {
			if string(m.Payload) == "z" {
				h.loop.Relieve(h.loop.Hold())
				h.second <- true
				return
			}
			h.note(string(m.Payload))
			if string(m.Payload) != "x" {
				return
			}
			<-h.lasts
			expect(t, "the payload after the hand-over", string(m.Payload), "x")
			switch ends {
			case "panics":
				panic("of the test")
			case "exits":
				runtime.Goexit()
			}
		},
		Close: func(c *Conn, _ CloseInfo) {
			if c == h.c {
				h.note("closed")
			}
		},
	}})
	h.eventually("the inbox given back", func() bool { return !h.c.queued() })
	other := new(Driver)
	other.Init(h.loop, h.policy, 8, &wire{room: -1}, peerAddr)
	h.others = []*Driver{other}
	other.Open(Opening{})
	h.eventually("the other one open", func() bool { return !other.queued() && !other.held() })

	h.loop.look = h.look()
	h.loop.Succeed = func() { go h.serve() }
	return h
}

func playHandOver(t *testing.T, held step, ends, behind string, event func(*handOver), want string) {
	h := newHandOver(t, held, ends)
	go h.serve()
	h.ask(h.d, func() { h.receive(slices.Concat(text("x"), []byte(behind))) })
	h.until("the callback", func() bool { return h.loop.Hold() != 0 || held == stepBegun && isClosed(h.reached) })
	relieved := make(chan bool, 1)
	relieve := func() { relieved <- h.loop.Relieve(h.loop.Hold()) }
	switch held {
	case stepBegun:
		<-h.reached
		go relieve()
	case stepReturned:
		close(h.lasts)
		<-h.reached
		go relieve()
	case stepWaits, stepReleased, stepSpawned:
		relieve()
		close(h.lasts)
		<-h.reached
	default:
		go relieve()
		<-h.reached
		close(h.lasts)
	}
	happened := make(chan bool)
	go func() {
		defer close(happened)
		if event != nil {
			event(h)
		}
	}()
	if held != stepWaits { // the connection is locked there
		<-happened
	}
	h.otherSideGoesOn()
	close(h.release)
	<-happened
	if held == stepBegun {
		close(h.lasts)
	}
	expect(t, "taken", <-relieved, true)
	<-h.spawned

	h.ask(h.d, func() { h.wire.mu.Lock(); h.wire.inErr = io.EOF; h.wire.mu.Unlock() })
	h.until("the close callback", func() bool { return strings.HasSuffix(h.seen(), "closed") && h.hasEnded() })
	expect(t, "seen", h.seen(), want)
	if h.again {
		<-h.second
	}
	h.until("what the callbacks kept", func() bool { return h.loop.out.Load() == 0 && h.loop.kept.Load() == 0 })
	h.asked <- nil
	<-h.ended
	h.loop.mu.Lock()
	defer h.loop.mu.Unlock()
	expect(t, "records of lost callbacks", len(h.loop.lost), 0)
}
