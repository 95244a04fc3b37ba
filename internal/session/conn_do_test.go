package session

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/allocs"
)

// A function runs in the connection's order: behind the callback that asks for it, and behind
// those that were asked for before.
func TestDo_RunsInOrder(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var order []string // without a lock: the race detector watches
		done := make(chan struct{})
		note := func(s string) func(*Conn) { return func(*Conn) { order = append(order, s) } }
		cfg := Config{Dispatch: dispatch}
		cfg.Handlers.Message = func(c *Conn, m Message) {
			order = append(order, "begin "+m.String())
			_ = c.Do(note("of " + m.String()))
			_ = c.Do(func(c *Conn) {
				order = append(order, "outer")
				_ = c.Do(note("inner"))
				order = append(order, "end of outer")
			})
			order = append(order, "end "+m.String())
			_ = c.Do(func(c *Conn) { _ = c.Do(func(*Conn) { close(done) }) })
		}
		r := openRig(t, cfg)
		r.receive(text("a"))
		r.eventually("the functions", func() bool {
			select {
			case <-done:
				return true
			default:
				return false
			}
		})
		const want = "begin a, end a, of a, outer, end of outer, inner"
		if got := strings.Join(order, ", "); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

// From many goroutines, while messages come: never two at the same time, each exactly once,
// those of one goroutine in its order, all before the Close callback.
func TestDo_FromAnyGoroutine(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		const goroutines, each = 4, 300
		var inside atomic.Int32
		alone := func(f func()) {
			if inside.Add(1) != 1 {
				t.Error("two at the same time")
			}
			f()
			inside.Add(-1)
		}
		var ran [goroutines]int
		cfg := Config{Dispatch: dispatch}
		cfg.Handlers.Message = func(*Conn, Message) { alone(func() {}) }
		cfg.Handlers.Close = func(c *Conn, _ CloseInfo) {
			alone(func() {})
			if err := c.Do(func(*Conn) { t.Error("it ran after the close callback") }); err != ErrClosed {
				t.Errorf("in the close callback: %v", err)
			}
		}
		r := openRig(t, cfg)
		var accepted [goroutines]atomic.Int64
		var left atomic.Int32
		left.Store(goroutines)
		for g := range goroutines {
			go func() {
				defer left.Add(-1)
				for i := 0; i < each; {
					at := i
					err := r.c.Do(func(*Conn) {
						alone(func() {
							if ran[g] != at {
								t.Errorf("function %d of goroutine %d at place %d", at, g, ran[g])
							}
							ran[g]++
						})
					})
					if err == nil {
						accepted[g].Add(1)
						i++
						continue
					}
					if err == ErrClosed {
						return
					}
					runtime.Gosched()
				}
			}()
		}
		r.eventually("the functions", func() bool {
			r.receive(text("x"))
			return left.Load() == 0
		})
		r.end(io.EOF)
		r.info()
		for g := range ran {
			if int64(ran[g]) != accepted[g].Load() {
				t.Errorf("goroutine %d: %d of %d ran", g, ran[g], accepted[g].Load())
			}
		}
	})
}

// While a Stream callback runs, functions wait for it, however many pieces come behind them.
func TestDo_WaitsForAStreamCallback(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var streaming, ran, early bool
		read := make(chan string, 10)
		cfg := Config{Dispatch: dispatch}
		cfg.Handlers.Stream = func(c *Conn, rd *Reader) {
			streaming = true
			_ = c.Do(func(*Conn) { early = streaming; ran = true })
			p := make([]byte, 10)
			for {
				n, err := rd.Read(p)
				if err != nil {
					break
				}
				read <- string(p[:n])
			}
			streaming = false
			close(read)
		}
		r := openRig(t, cfg)
		r.receive(peer(frame.Text, false, "one"))
		expect(t, "read", <-read, "one")
		expect(t, "error", r.c.Do(func(*Conn) { early = early || streaming }), nil)
		r.receive(peer(frame.Continuation, true, "two"))
		expect(t, "read behind a function that waits", <-read, "two")
		r.eventually("the end", func() bool { r.c.mu.Lock(); defer r.c.mu.Unlock(); return r.c.in == nil })
		if early || !ran {
			t.Errorf("ran %v, during the callback %v", ran, early)
		}
	})
}

// The queue is bounded, and says so; the peer is not held up by it.
func TestDo_IsBounded(t *testing.T) {
	r := openRig(t, Config{QueueMessages: 2})
	n := 0
	for range maxFuncs {
		if err := r.c.Do(func(*Conn) { n++ }); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "one too many", r.c.Do(func(*Conn) {}), ErrTooManyFuncs)
	_, err := r.c.AfterFunc(0, func(*Conn) {})
	expect(t, "a timer", err, ErrTooManyFuncs)
	r.turn()
	expect(t, "ran", n, maxFuncs)
	expect(t, "again", r.c.Do(func(*Conn) {}), nil)
	r.turn()
}

// A function that asks for itself again and again leaves the loop to others in between.
func TestDo_AgainAndAgainLeavesTheLoop(t *testing.T) {
	r := openRig(t, Config{})
	n := 0
	var again func(*Conn)
	again = func(c *Conn) {
		if n++; n < 100 {
			_ = c.Do(again)
		}
	}
	_ = r.c.Do(again)
	(<-r.scheduled).Attend()
	if n != 1 {
		t.Errorf("%d times in one turn", n)
	}
	r.turn()
	expect(t, "times", n, 100)
}

// A panic or a Goexit in a function ends its connection and nothing else.
func TestDo_PanicIsContained(t *testing.T) {
	for name, fail := range map[string]func(*Conn){
		"panic": func(*Conn) { panic("in a function") },
		"nil":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, dispatch Dispatch) {
				r := openRig(t, Config{Dispatch: dispatch})
				behind := make(chan bool, 1)
				if name == "nil" {
					fail = func(*Conn) { var f func(*Conn); f(nil) }
				}
				_ = r.c.Do(fail)
				_ = r.c.Do(func(*Conn) { behind <- true })
				r.eventually("the function behind it", func() bool { return len(behind) == 1 })
				r.end(io.EOF)
				if info := r.info(); info.Sent != frame.InternalError {
					t.Errorf("closed with %v", info)
				}
			})
		})
	}
}

// AfterFunc runs at its time and not before, in the order of the times, whatever their length.
func TestAfterFunc_RunsAtItsTime(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: -1, WriteTimeout: -1})
	r.loop.Now = time.Second // to the rig a timer at 0 is none
	var ran []string
	after := func(d time.Duration, name string) Timer {
		timer, err := r.c.AfterFunc(d, func(*Conn) { ran = append(ran, fmt.Sprint(name, " at ", r.loop.Now-time.Second)) })
		if err != nil {
			t.Fatal(err)
		}
		r.turn()
		return timer
	}
	year := 365 * 24 * time.Hour
	after(10*year, "ten years")
	after(time.Minute, "a minute")
	after(time.Second, "a second")
	stopped := after(2*time.Second, "two seconds")
	after(math.MaxInt64, "for ever")
	after(-1, "at once")
	expect(t, "timers", r.loop.AfterFuncs(), 6)
	expect(t, "stopped", stopped.Stop(), true)
	expect(t, "stopped again", stopped.Stop(), false)
	expect(t, "timers", r.loop.AfterFuncs(), 5)
	r.advance(time.Millisecond)
	r.advance(time.Second - 2*time.Millisecond)
	expect(t, "ran before a second", len(ran), 1)
	r.advance(11 * year)
	if got, want := strings.Join(ran, ", "), fmt.Sprint("at once at 0s, a second at 1s, a minute at 1m0s, ten years at ", 10*year); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	expect(t, "timers", r.loop.AfterFuncs(), 1)
}

// Stop in a callback is certain, even if the time has come and the function waits.
func TestAfterFunc_StopInACallback(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var timer Timer
		stopped := make(chan bool, 1)
		cfg := Config{Dispatch: dispatch, IdleTimeout: -1}
		cfg.Handlers.Message = func(*Conn, Message) { stopped <- timer.Stop() }
		r := openRig(t, cfg)
		timer, _ = r.c.AfterFunc(time.Second, func(*Conn) { t.Error("the answer had come in time") })
		r.turn()
		// The loop is late, and the message that stops the timer has come.
		r.wire.in = append(r.wire.in, text("the answer")...)
		r.advance(2 * time.Second)
		r.eventually("the message", func() bool { return len(stopped) == 1 })
		expect(t, "stopped", <-stopped, true)
		r.eventually("rest", func() bool { r.c.mu.Lock(); defer r.c.mu.Unlock(); return r.c.in == nil })
	})
}

// What has not come to its time when the connection closes is dropped.
func TestAfterFunc_IsDroppedAtTheClose(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch})
		timer, err := r.c.AfterFunc(time.Second, func(*Conn) { t.Error("it ran") })
		if err != nil {
			t.Fatal(err)
		}
		_ = r.c.Close(frame.NormalClosure, "")
		_, err = r.c.AfterFunc(0, func(*Conn) { t.Error("it ran") })
		expect(t, "on a closing connection", err, ErrClosed)
		expect(t, "stopped", timer.Stop(), false)
		ran := false
		expect(t, "Do on a closing connection", r.c.Do(func(*Conn) { ran = true }), nil)
		r.turn()
		r.receive(peerClose(frame.NormalClosure, ""))
		r.info()
		expect(t, "the function ran", ran, true)
		expect(t, "timers", r.loop.AfterFuncs(), 0)
		expect(t, "the zero Timer", Timer{}.Stop(), false)
	})
}

// A timer set in the Open callback, or for a connection whose other timers are off, works.
func TestAfterFunc_OfTheOpenCallback(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		ran := make(chan bool, 1)
		cfg := Config{Dispatch: dispatch, IdleTimeout: -1, WriteTimeout: -1}
		cfg.Handlers.Open = func(c *Conn) { _, _ = c.AfterFunc(time.Second, func(*Conn) { ran <- true }) }
		r := openRig(t, cfg)
		r.turn()
		r.advance(time.Second)
		r.eventually("the function", func() bool { return len(ran) == 1 })
	})
}

// Neither costs an allocation beyond the program's closure.
func TestDo_DoesNotAllocate(t *testing.T) {
	if allocates {
		t.Skip("the race detector has pools lose what they hold")
	}
	r := openRig(t, Config{})
	f := func(*Conn) {}
	for name, once := range map[string]func(){
		"Do": func() { _ = r.c.Do(f); r.turn() },
		"AfterFunc": func() {
			timer, _ := r.c.AfterFunc(time.Second, f)
			r.turn()
			timer.Stop()
		},
	} {
		once()
		if n := allocs.PerRun(100, once); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// As the connection ends all that wait run, though some of them end the goroutine.
func TestDo_AllRunAtTheEnd(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch})
		ran := make(chan int, 10)
		for i := range 5 {
			_ = r.c.Do(func(*Conn) {
				ran <- i
				if i%2 == 0 {
					runtime.Goexit()
				}
			})
		}
		ended := make(chan bool)
		go func() {
			defer close(ended)
			r.loop.Take()
			r.d.Abort(nil)
		}()
		<-ended
		r.loop.Take()
		r.info()
		expect(t, "functions", len(ran), 5)
	})
}

// A timer that fires before the loop has attended to the connection leaves the functions that
// wait for the loop to it.
func TestDo_SurvivesATimer(t *testing.T) {
	r := openRig(t, Config{})
	ran := false
	if err := r.c.Do(func(*Conn) { ran = true }); err != nil {
		t.Fatal(err)
	}
	r.d.Retime()
	r.d.Expire()
	r.turn()
	expect(t, "the function has run", ran, true)
}
