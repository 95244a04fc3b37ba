package session

import (
	stdcontext "context"
	"runtime"
	"testing"

	"github.com/framerail/framerail/frame"
)

// A goroutine may begin to read at any moment of the Open callback's return. One of the two leaves the callback
// behind, and the other goes on.
func TestReceiveBeginsWhileOpenReturns(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for _, role := range []frame.Role{frame.Server, frame.Client} {
			r := newRig(t, Config{Dispatch: dispatch, Role: role, Handlers: Handlers{Open: func(c *Conn) {
				expect(t, "Ask", Incoming{c}.Ask(), nil)
			}}})
			first := true
			r.onOpened = func() {
				if !first {
					return
				}
				first = false
				received := make(chan error)
				go func() {
					_, err := Incoming{r.c}.Receive(done())
					received <- err
				}()
				expect(t, "error", <-received, stdcontext.Canceled)
			}
			r.d.Open(Opening{})
			r.eventually("the input to flow", func() bool { return !r.c.held() })
			expect(t, "opened", r.opened, 1)
			r.receive(frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: frame.Text, Masked: role == frame.Server}, []byte("a")))
			r.eventually("the message", func() bool { return r.c.receiving().waiting() == 1 })
			got, err := r.taken()
			expect(t, "error", err, nil)
			expect(t, "message", got, "a")
			r.c.Abort()
			r.turn()
		}
	})
}

// The same from the other side: the callback returns while a call of Receive leaves it behind.
func TestOpenReturnsWhileReceiveBegins(t *testing.T) {
	for _, dispatch := range []Dispatch{OnGoroutines, Adaptive} {
		for _, goexit := range []bool{false, true} {
			begun, returns := make(chan bool), make(chan bool)
			r := newRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
				Open: func(c *Conn) {
					expect(t, "Ask", Incoming{c}.Ask(), nil)
					begun <- true
					<-returns
					if goexit {
						runtime.Goexit()
					}
				},
				Ping: func(c *Conn, p []byte) { _ = c.Pong(p) },
			}})
			r.onOpened = func() {
				close(returns)
				for range 100 {
					runtime.Gosched()
				}
			}
			r.d.Open(Opening{})
			<-begun
			_, err := Incoming{r.c}.Receive(done())
			expect(t, "error", err, stdcontext.Canceled)
			r.eventually("the input to flow", func() bool { return !r.c.held() })
			r.receive(ping("on a goroutine"))
			if !goexit {
				r.eventually("the pong", func() bool { return r.wire.output() != "" })
			}
			r.mu.Lock()
			expect(t, "opened", r.opened, 1)
			r.mu.Unlock()
			r.c.Abort()
			r.turn()
		}
	}
}
