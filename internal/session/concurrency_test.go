package session

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/frame"
)

// Everything at once from many goroutines, under the race detector: each one's
// messages arrive in its order, and the connection comes to its end.
func TestEveryMethodFromManyGoroutines(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		// All that is sent, 5.3 MB, may have to wait behind one Writer, for which there is
		// half of the bound.
		const goroutines, each, maxPending = 16, 40, 16 << 20
		r := openRig(t, Config{Dispatch: dispatch, MaxPending: maxPending, Handlers: Handlers{
			Message: func(c *Conn, m Message) { _ = c.Send(m.Type, m.Payload) },
			Ping:    func(c *Conn, p []byte) { _ = c.Pong(p) },
			Drained: func(c *Conn) { c.SetValue("drained") },
		}})
		large := strings.Repeat("x", directWrite)
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					m := fmt.Sprintf("%d %d ", g, i)
					switch i % 8 {
					case 0:
						m += large // to the transport at once, if it takes it
					case 1:
						if w, err := r.c.NewWriter(Text); err == nil {
							_, _ = io.WriteString(w, m)
							_ = w.Flush()
							_ = w.Close()
							continue
						}
					case 2:
						_ = r.c.Ping([]byte(m))
					case 3:
						r.c.OnPong(func(*Conn, []byte) {})
						_, _, _ = r.c.Value(), r.c.Pending(), r.c.State()
						_, _, _ = r.c.LocalAddr(), r.c.RemoteAddr(), r.c.Subprotocol()
					}
					if err := r.c.SendText(m); err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan bool)
		go func() { wg.Wait(); close(done) }()
		for running := true; running; {
			r.receive(append(text("echo"), peer(frame.Ping, true, "p")...))
			r.drain(5000)
			select {
			case <-done:
				running = false
			default:
			}
		}
		var closers sync.WaitGroup
		for range 4 {
			closers.Go(func() { _ = r.c.Close(frame.NormalClosure, "") })
		}
		closers.Wait()
		r.drain(-1)
		r.receive(peerClose(frame.NormalClosure, ""))
		r.info()

		checkOrder(t, messagesOf(r.sent()), goroutines, each)
	})
}

// checkOrder checks that each goroutine's messages came, and in its order.
func checkOrder(t *testing.T, messages []string, goroutines, each int) {
	t.Helper()
	next := make([]int, goroutines)
	for _, m := range messages {
		if m == "echo\n" {
			continue
		}
		var g, i int
		if _, err := fmt.Sscanf(m, "%d %d ", &g, &i); err != nil {
			t.Fatalf("%.20q: %v", m, err)
		}
		expect(t, fmt.Sprintf("message of goroutine %d", g), i, next[g])
		next[g] = i + 1
	}
	for g := range next {
		expect(t, fmt.Sprintf("messages of goroutine %d", g), next[g], each)
	}
}

// A send from another goroutine leaves at once although the loop does nothing else:
// no wake-up is lost, whatever the loop was about to do.
func TestSendFromAGoroutineIsNeverLeftBehind(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Message: func(c *Conn, m Message) { _ = c.Send(m.Type, m.Payload) }}})
		const n = 2000
		stop := make(chan bool)
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range n {
				if err := r.c.SendText(fmt.Sprint("mine ", i)); err != nil {
					t.Error(err)
				}
			}
			close(stop)
		})
		for running := true; running; {
			r.receive(text("echo"))
			r.turn()
			select {
			case <-stop:
				running = false
			default:
			}
		}
		wg.Wait()
		r.turn() // what was asked for, and nothing else
		if dispatch == OnLoop {
			expect(t, "pending", r.c.Pending(), 0)
		}
		r.eventually("the last message", func() bool {
			return bytes.Contains([]byte(r.wire.output()), []byte(fmt.Sprint("mine ", n-1)))
		})
	})
}
