package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/test/loopback"
)

func TestShutdown_SendsWhatIsPendingThen1001(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		conns, closed := make(chan *conn.Conn, 1), make(chan conn.CloseInfo, 1)
		s := start(t, &Server{Dispatch: d,
			OnConnection: func(c *conn.Conn) { conns <- c },
			OnClose:      func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
		})
		p := dial(t, s)
		c := receive(t, conns)
		const n = 100
		for i := range n {
			if err := c.SendText(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error, 1)
		go func() { done <- drain(s, context.Background()) }()
		for i := range n {
			p.expectText(fmt.Sprint(i))
		}
		p.expectClose(frame.GoingAway)
		select {
		case err := <-done:
			t.Fatalf("did not wait for the peer's Close: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		p.close(frame.GoingAway, "")
		p.expectEOF()
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
		if len(closed) != 1 {
			t.Error("returned before the close callback")
		}
		if info := <-closed; info.By != conn.Local || info.Sent != frame.GoingAway || !info.Clean() {
			t.Errorf("closed with %v", info)
		}
	})
}

// A client that was accepted is answered: with 101 if its request comes soon, with 503 if it comes late.
// It is closed if no byte of a request has come.
func TestShutdown_AnswersClientsThatWereAccepted(t *testing.T) {
	parallel(t)
	onceInTime(t, func() bool { return answersThoseAccepted(t) })
}

// answersThoseAccepted returns false if the machine was too slow for a request that comes soon.
func answersThoseAccepted(t *testing.T) (inTime bool) {
	s := start(t, &Server{Addr: loopback.Own(), OnMessage: echo, Limits: Limits{Limits: conn.Limits{CloseTimeout: time.Minute}}})
	half := dialRaw(t, s)
	half.send("GET /")
	none, soon := dialRaw(t, s), dialRaw(t, s)
	soon.send(upgrade[:20])
	stays := dial(t, s)
	eventually(t, "all to be taken in", func() bool { return load(s) == 4 })
	drained := make(chan Drain, 1)
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		d, err := s.Shutdown(context.Background())
		drained <- d
		done <- err
	}()
	stays.expectClose(frame.GoingAway)
	_, _ = io.WriteString(soon, upgrade[20:]+"\r\n")
	if !soon.joins(began) {
		return false
	}
	soon.expectClose(frame.GoingAway)
	soon.close(frame.GoingAway, "")
	soon.expectEOF()
	if resp, _ := half.expectRefusal(503); resp.Header.Get("Retry-After") == "" {
		t.Errorf("header %v", resp.Header)
	}
	none.expectEOF()
	half.Close()
	none.Close()
	if c, err := net.Dial("tcp", s.ListenAddr().String()); err == nil {
		c.Close()
		t.Error("still accepts")
	}
	stays.close(frame.GoingAway, "")
	if d, err := receive(t, drained), receive(t, done); d != (Drain{Clean: 2}) || err != nil {
		t.Errorf("got %+v, %v", d, err)
	}
	return true
}

// Each message that was taken in is answered, or its sender sees 1001.
func TestShutdown_UnderLoad(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for range 5 {
			s := start(t, &Server{Dispatch: d, OnMessage: echo})
			const clients = 40
			var wg sync.WaitGroup
			var echoed atomic.Int64
			for range clients {
				p := dial(t, s)
				wg.Go(func() {
					for i := 0; ; i++ {
						text := fmt.Sprint(i)
						_, _ = p.Write([]byte(masked(frame.Text, true, text)))
						h, got, err := p.read()
						if err != nil {
							t.Errorf("message %d: %v, and no Close before it", i, err)
							return
						}
						if h.Opcode == frame.Close {
							if code, _, _ := frame.ParseClose([]byte(got)); code != frame.GoingAway {
								t.Errorf("close code %v", code)
							}
							_, _ = p.Write([]byte(masked(frame.Close, true, got[:2])))
							return
						}
						if got != text {
							t.Errorf("got %q, want %q", got, text)
						}
						echoed.Add(1)
					}
				})
			}
			eventually(t, "some traffic", func() bool { return echoed.Load() > 10*clients })
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			err := drain(s, ctx)
			cancel()
			if err != nil {
				t.Error(err)
			}
			wg.Wait()
		}
	})
}

// stuck is a peer that has stopped reading, with more on its way than the system
// holds.
func stuck(t *testing.T, s *Server) *peer {
	p := dialRaw(t, s)
	_ = p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	p.send(with("Stuck: 1"))
	p.expectStatus(101)
	return p
}

// fillsStuck sends as much to peers that are stuck as their connections may have pending, and counts them.
func fillsStuck(filled *atomic.Int64) func(*conn.Conn) {
	return func(c *conn.Conn) {
		if r, _ := c.Request(); r.Header.Get("Stuck") != "" {
			for c.SendText(strings.Repeat("x", 64<<10)) == nil {
			}
			filled.Add(1)
		}
	}
}

func TestShutdown_AgainstTheStuck(t *testing.T) {
	parallel(t)
	modes(t, func(t *testing.T, d conn.Dispatch) {
		parallel(t)
		onceInTime(t, func() bool { return cutsTheStuck(t, d) })
	})
}

// cutsTheStuck returns false if the machine was too slow for the cut.
func cutsTheStuck(t *testing.T, d conn.Dispatch) (inTime bool) {
	var filled, unsent atomic.Int64
	s := start(t, &Server{Dispatch: d, OnMessage: echo, Overflow: conn.OverflowRefuse,
		Limits:       Limits{Limits: conn.Limits{MaxPending: 8 << 20, CloseTimeout: time.Minute}},
		OnConnection: fillsStuck(&filled),
		OnClose: func(_ *conn.Conn, info conn.CloseInfo) {
			if info.Unsent > 0 && errors.Is(info.Err, ErrServerClosed) {
				unsent.Add(1)
			}
		}})
	const each = 5
	var healthy []*peer
	for range each {
		stuck(t, s)
		healthy = append(healthy, dial(t, s))
	}
	eventually(t, "the queues to be full", func() bool { return filled.Load() == each })
	for _, p := range healthy {
		p.alive()
		go func() {
			if h, _, _ := p.read(); h.Opcode == frame.Close {
				_, _ = p.Write([]byte(masked(frame.Close, true, "\x03\xe9")))
			}
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // in which the healthy can answer
	defer cancel()
	err := drain(s, ctx)
	late := -time.Until(func() time.Time { at, _ := ctx.Deadline(); return at }())
	if cutLate(err) {
		return false
	}
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), fmt.Sprintf("cut %d connections", each)) {
		t.Errorf("got %v, want %d connections cut at the deadline", err, each)
	}
	if late < 0 || late > patience {
		t.Errorf("returned %v after the deadline", late)
	}
	eventually(t, "the close callbacks", func() bool { return unsent.Load() == each })
	return true
}

func TestShutdown_AfterTheCloseTimeoutThereIsNothingToCut(t *testing.T) {
	s := start(t, &Server{Limits: Limits{Limits: conn.Limits{CloseTimeout: 100 * time.Millisecond}}})
	p := dial(t, s) // does not answer
	if err := drain(s, context.Background()); err != nil {
		t.Error(err)
	}
	p.expectClose(frame.GoingAway)
	p.expectGone()
}

func TestShutdown_CallbackThatDoesNotReturn(t *testing.T) {
	release := make(chan bool)
	t.Run("on_loop", func(t *testing.T) {
		var err error
		for began := time.Now(); time.Since(began) < patience; { // a busy machine has no time for all the looks at one of them
			s := start(t, &Server{Loops: 1, OnMessage: func(*conn.Conn, conn.Message) { <-release }})
			dial(t, s).text("x")
			eventually(t, "the callback", func() bool { return blockedIn("TestShutdown_CallbackThatDoesNotReturn") })
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			var d Drain
			d, err = s.Shutdown(ctx)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if d != (Drain{Open: 1}) {
				t.Errorf("got %+v, want the one connection open", d)
			}
			release <- true
			if err != nil && strings.Contains(err.Error(), "holds an event loop") {
				return
			}
		}
		t.Errorf("got %v", err)
	})
	t.Run("on_goroutine", func(t *testing.T) {
		s := start(t, &Server{Dispatch: conn.OnGoroutines, OnMessage: func(*conn.Conn, conn.Message) { <-release }, Limits: Limits{Limits: conn.Limits{CloseTimeout: 50 * time.Millisecond}}})
		p := dial(t, s)
		p.text("x")
		eventually(t, "the callback", func() bool { return blockedIn("TestShutdown_CallbackThatDoesNotReturn") })
		p.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		if err := drain(s, ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		release <- true
	})
}

// blockedIn tells whether a goroutine waits in a callback of the test.
func blockedIn(test string) bool {
	for _, g := range strings.Split(string(stacks()), "\n\n") {
		if strings.Contains(g, "chan receive") && strings.Contains(g, "server."+test+".") && strings.Contains(g, "session.") {
			return true
		}
	}
	return false
}

// A callback on the loop cannot wait for the loop: it is told so, and everything
// ends as it should.
func TestShutdown_FromACallback(t *testing.T) {
	parallel(t)
	for _, where := range []string{"open", "message", "stream", "ping", "close", "check"} {
		t.Run(where, func(t *testing.T) {
			modes(t, func(t *testing.T, d conn.Dispatch) {
				parallel(t)
				errs := make(chan error, 10)
				s := &Server{Dispatch: d, Limits: Limits{Limits: conn.Limits{CloseTimeout: 100 * time.Millisecond}}}
				var once sync.Once
				act := func() {
					once.Do(func() {
						ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
						defer cancel()
						errs <- drain(s, ctx)
					})
				}
				onLoop, either := d == conn.OnLoop, false
				switch where {
				case "open":
					s.OnConnection = func(*conn.Conn) { act() }
				case "message":
					s.OnMessage = func(*conn.Conn, conn.Message) { act() }
					either = d == conn.Adaptive
				case "stream":
					s.OnStream = func(*conn.Conn, *conn.Reader) { act() }
					onLoop = false
				case "ping":
					s.OnPing = func(*conn.Conn, []byte) { act() }
				case "close":
					s.OnClose = func(*conn.Conn, conn.CloseInfo) { act() }
				case "check":
					s.Check = func(*Handshake) error { act(); return nil }
					onLoop = true
				}
				start(t, s)
				p := dialRaw(t, s)
				p.send(with() + masked(frame.Ping, true, "") + masked(frame.Text, true, "x") + masked(frame.Close, true, ""))
				err := receive(t, errs)
				if onLoop && !errors.Is(err, conn.ErrOnLoop) {
					t.Errorf("got %v, want ErrOnLoop", err)
				}
				if !onLoop && err != nil && !errors.Is(err, context.DeadlineExceeded) && !(either && errors.Is(err, conn.ErrOnLoop)) {
					t.Errorf("got %v", err)
				}
				p.expectGone()
				for _, l := range s.run.loops {
					receive(t, l.Done())
				}
			})
		})
	}
}

// Nor does a callback that runs on the loop and may lose it wait, nor one that has lost it: its connection
// would wait for it. No context ends the wait here. A callback on a worker would wait for itself, so it does not
// ask.
func TestShutdown_FromACallbackThatMayLoseTheLoop(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for name, before := range map[string]func(){"has the loop": func() {}, "has lost it": func() { loop.OnLoop() }} {
			for _, closes := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, closes=%v", name, closes), func(t *testing.T) {
					asked, ended := make(chan bool), make(chan error, 1)
					s := &Server{Loops: 1, Dispatch: d}
					end := func() {
						if closes {
							ended <- s.Close()
						} else {
							ended <- drain(s, context.Background())
						}
					}
					s.OnMessage = func(*conn.Conn, conn.Message) {
						onLoop := loop.WithinLoop()
						asked <- onLoop || d == conn.OnGoroutines
						before()
						switch {
						case onLoop:
							end()
						case d == conn.OnGoroutines:
							go end()
						}
					}
					start(t, s)
					p := dial(t, s)
					for asks := false; !asks; asks = receive(t, asked) {
						p.text("x")
					}
					if !closes {
						p.send(masked(frame.Close, true, ""))
					}
					err := receive(t, ended)
					if want := d != conn.OnGoroutines && !closes; want != errors.Is(err, conn.ErrOnLoop) {
						t.Errorf("got %v", err)
					}
					receive(t, s.run.loops[0].Done())
				})
			}
		}
	})
}

//go:noinline
func deep(n int, f func() error) error {
	if n == 0 {
		return f()
	}
	err := deep(n-1, f)
	runtime.KeepAlive(&err)
	return err
}

func TestShutdown_TwiceAtOnce(t *testing.T) {
	s := start(t, &Server{})
	p := dial(t, s)
	done := make(chan error, 3)
	for range 3 {
		go func() { done <- drain(s, context.Background()) }()
	}
	p.expectClose(frame.GoingAway)
	p.close(frame.GoingAway, "")
	for range 3 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}
