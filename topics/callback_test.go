package topics

import (
	"bytes"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// A callback that panics, or ends its goroutine, is logged with its place and counted. All others are called.
func TestCallbacks_AreContained(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("no") }, "runtime.Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			r, log := new(recorder), new(log)
			h := &Topics{Logger: slog.New(slog.NewTextHandler(log, nil))}
			h.OnInterest = func(topic string, on bool) { r.note("%s %v", topic, on); end() }
			h.OnChange = func(c Change) { r.note("%s +%d -%d", c.Topic, len(c.Joined), len(c.Left)); end() }
			w, cl := newWorld(t, h, &server.Server{}, 1)
			w.subscribe(w.conns[0], "a")
			r.expect(t, h, "a true", "a +1 -0")
			cl[0].Leave()
			w.sim.Settle()
			r.expect(t, h, "a false", "a +0 -1")
			expect(t, "panics", h.Stats().Panics, 4)
			for _, want := range []string{"callback=OnInterest", "callback=OnChange", "TestCallbacks_AreContained"} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %q:\n%s", want, log)
				}
			}
			if strings.Contains(log.String(), "(*Topics)") {
				t.Errorf("the log shows more than the program:\n%s", log)
			}
		})
	}
}

// A panic in Stamp is the publisher's. The topic is as it was.
func TestStamp_PanicLeavesTheTopic(t *testing.T) {
	h := &Topics{History: keep(History{Messages: 10, Age: time.Hour})}
	h.Stamp = func(string, Position, conn.Message) conn.Message { panic("no") }
	func() {
		defer func() { _ = recover() }()
		_, _ = h.Publish("a", text("x"))
	}()
	expect(t, "idle topics", len(h.aging.quiet), 1)
	expect(t, "offset", h.names["a"].offset, 0)
	h.Stamp = func(_ string, _ Position, m conn.Message) conn.Message { return m }
	_, err := h.Publish("a", text("x"))
	expect(t, "error", err, nil)
}

// log is what was logged.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// An answer that panics, or ends its goroutine, is logged and counted. The connection is a member, and is sent what
// it missed. One that closes its connection, or others, leaves nothing.
func TestAnswer_IsContained(t *testing.T) {
	for name, end := range map[string]func(*world){
		"panic": func(*world) { panic("no") },
		"abort": func(w *world) {
			for _, c := range w.conns {
				c.Abort()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, cl := newWorld(t, &Topics{History: keep(History{Messages: 9}), Logger: quiet}, &server.Server{}, 3)
			at := w.publish("a", "1")
			w.publish("a", "2")
			for _, c := range w.conns {
				if err := w.SubscribeSince(c, "a", at, func(Position, error) { end(w) }); err != nil {
					t.Fatal(err)
				}
			}
			w.publish("a", "3")
			if name == "panic" {
				for _, c := range cl {
					w.expect(c, "2 3")
				}
				expect(t, "panics", w.Stats().Panics, 3)
				return
			}
			w.sim.Settle()
			expect(t, "members", w.Count("a"), 0)
		})
	}
}
