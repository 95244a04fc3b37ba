package server

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// blocking is a server whose callback for a message that begins with "block" does not return before
// it is let go.
type blocking struct {
	*Server
	blocked chan string // what a callback that blocks has got
	free    chan struct{}
	after   func(c *conn.Conn) // what it does then

	mu   sync.Mutex
	seen []string // the beginnings of messages, and other callbacks, in order
}

func (b *blocking) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, fmt.Sprintf(format, args...))
}

// order is what was seen until now.
func (b *blocking) order() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.seen, " ")
}

func newBlocking() *blocking {
	b := &blocking{blocked: make(chan string, 100), free: make(chan struct{})}
	b.Server = &Server{Loops: 1, Dispatch: conn.Adaptive, OnMessage: func(c *conn.Conn, m conn.Message) {
		text := string(m.Payload)
		if strings.HasPrefix(text, "block") {
			b.blocked <- text
			<-b.free
			if string(m.Payload) != text {
				b.note("overwritten")
			}
			if b.after != nil {
				b.after(c)
			}
		}
		b.note("%s", text[:min(len(text), 7)])
		_ = c.SendMessage(m)
	}}
	b.OnClose = func(_ *conn.Conn, i conn.CloseInfo) { b.note("closed") }
	return b
}

// Wherever a message lies when its callback loses the loop, the callback keeps it, what came
// behind it follows in order, and others are served meanwhile.
func TestAdaptive_ACallbackThatBlocksKeepsNobodyWaiting(t *testing.T) {
	long := "block " + strings.Repeat("x", 100_000)
	behind := masked(frame.Text, true, "second") + masked(frame.Text, true, "third")
	for name, sent := range map[string]string{
		"alone":        masked(frame.Text, true, "block"),
		"with others":  masked(frame.Text, true, "block") + behind,
		"in the midst": masked(frame.Text, true, "zero") + masked(frame.Text, true, "block") + behind,
		"fragments":    masked(frame.Text, false, "bl") + masked(frame.Continuation, true, "ock") + behind,
		"long":         masked(frame.Text, true, long) + behind,
		"unfinished":   masked(frame.Text, true, "block") + behind[:len(behind)-1],
		"compressed":   string(deflated("block")) + behind + string(deflated("more")),
		"and a ping":   masked(frame.Text, true, "block") + masked(frame.Ping, true, "") + behind,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBlocking()
			b.Deflate.Enabled = true
			b.DeflateThreshold = 1 << 20
			start(t, b.Server)
			p, other := dial(t, b.Server, strings.TrimSpace(offer)), dial(t, b.Server)
			p.send(sent)
			text := receive(t, b.blocked)
			for i := range 100 {
				s := fmt.Sprint("other ", i)
				other.text(s)
				other.expectText(s)
			}
			if name == "unfinished" {
				p.send(behind[len(behind)-1:])
			}
			close(b.free)
			p.expectEchoes(sent, text)
			if got := b.order(); strings.Contains(got, "overwritten") || strings.Index(got, "block") > strings.Index(got+" second", "second") {
				t.Error(got)
			}
		})
	}
}

// expectEchoes reads answers up to that of the last message sent.
func (p *peer) expectEchoes(sent, text string) {
	p.t.Helper()
	last := text
	switch {
	case strings.HasSuffix(sent, string(deflated("more"))):
		last = "more"
	case strings.Contains(sent, masked(frame.Text, true, "second")):
		last = "third"
	}
	for found := false; ; {
		h, payload := p.next()
		found = found || payload == text
		if h.Opcode == frame.Close || !found && payload == last {
			p.t.Fatalf("%v %.20q before the answer to %.20q", h.Opcode, payload, text)
		}
		if payload == last {
			return
		}
	}
}

// What ends a callback that has lost the loop ends its connection alone, and once.
func TestAdaptive_ACallbackEndsAfterItHasLostTheLoop(t *testing.T) {
	parallel(t)
	for name, after := range map[string]func(*conn.Conn){
		"panic":  func(*conn.Conn) { panic("of the test") },
		"Goexit": func(*conn.Conn) { runtime.Goexit() },
		"abort":  (*conn.Conn).Abort,
		"close":  func(c *conn.Conn) { _ = c.Close(frame.InternalError, "") },
	} {
		t.Run(name, func(t *testing.T) {
			parallel(t)
			b := newBlocking()
			b.Logger, b.after = new(journal).logger(), after
			start(t, b.Server)
			p, other := dial(t, b.Server), dial(t, b.Server)
			p.send(masked(frame.Text, true, "block") + masked(frame.Text, true, "second"))
			receive(t, b.blocked)
			other.text("before")
			other.expectText("before")
			close(b.free)
			if name != "abort" {
				if h, payload := p.next(); h.Opcode != frame.Close || !strings.HasPrefix(payload, "\x03\xf3") {
					t.Errorf("got %v %q", h.Opcode, payload)
				}
				p.send(masked(frame.Close, true, "\x03\xf3"))
			}
			eventually(t, "the close callback", func() bool { return strings.HasSuffix(b.order(), "closed") })
			other.text("behind")
			other.expectText("behind")
			if got := b.order(); strings.Count(got, "closed") != 1 || strings.Contains(got, "second") {
				t.Error(got)
			}
			want := uint64(0)
			if name == "panic" || name == "Goexit" {
				want = 1
			}
			if n := b.Stats().Panics; n != want {
				t.Errorf("%d panics counted", n)
			}
		})
	}
}

// A connection that ends while its callback blocks has its close callback behind that, once; so
// have functions of Do.
func TestAdaptive_TheConnectionEndsMeanwhile(t *testing.T) {
	for name, end := range map[string]func(b *blocking, c *conn.Conn, p *peer){
		"aborted": func(_ *blocking, c *conn.Conn, _ *peer) { c.Abort() },
		"left":    func(_ *blocking, _ *conn.Conn, p *peer) { _ = p.Conn.Close() },
		"closed":  func(_ *blocking, _ *conn.Conn, p *peer) { p.send(masked(frame.Close, true, "\x03\xe8")) },
		"server":  func(b *blocking, _ *conn.Conn, _ *peer) { go b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBlocking()
			conns := make(chan *conn.Conn, 1)
			b.OnConnection = func(c *conn.Conn) { conns <- c }
			start(t, b.Server)
			p := dial(t, b.Server)
			c := receive(t, conns)
			p.text("block")
			receive(t, b.blocked)
			if err := c.Do(func(*conn.Conn) { b.note("do") }); err != nil {
				t.Error(err)
			}
			end(b, c, p)
			time.Sleep(5 * time.Millisecond)
			if got := b.order(); got != "" {
				t.Errorf("beside the callback: %s", got)
			}
			close(b.free)
			eventually(t, "the end", func() bool { return strings.HasSuffix(b.order(), "closed") })
			if got := b.order(); got != "block do closed" {
				t.Error(got)
			}
		})
	}
}

// A thousand callbacks block side by side, however few of them may lose the loop.
func TestAdaptive_AllMayBlockAtOnce(t *testing.T) {
	many := map[bool]int{false: 300, true: 100}[raceEnabled]
	b := newBlocking()
	start(t, b.Server)
	var peers []*peer
	for range many {
		p := dial(t, b.Server)
		p.text("block")
		peers = append(peers, p)
	}
	for range many {
		receive(t, b.blocked)
	}
	close(b.free)
	for _, p := range peers {
		p.expectText("block")
	}
}

// The watchdog has nothing to say of a callback that has lost the loop.
func TestAdaptive_TheWatchdogIsSilent(t *testing.T) {
	parallel(t)
	log := new(journal)
	b := newBlocking()
	b.SlowCallback, b.Logger = time.Second, log.logger() // by then a busy machine has another goroutine go on with the loop
	start(t, b.Server)
	p := dial(t, b.Server)
	p.text("block")
	receive(t, b.blocked)
	time.Sleep(2500 * time.Millisecond) // it would have looked several times
	close(b.free)
	p.expectText("block")
	if n := log.lines("holds an event loop"); n != 0 {
		t.Errorf("%d lines of the watchdog: %s", n, log)
	}
}
