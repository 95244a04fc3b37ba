package server

import (
	"runtime"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/test/allocs"
)

// A function of Do, or of AfterFunc, that does not return for long is found by the watchdog, as
// any callback on a loop.
func TestDo_IsKnownToTheWatchdog(t *testing.T) {
	var log journal
	conns := make(chan *conn.Conn, 1)
	s := &Server{SlowCallback: 10 * time.Millisecond, Logger: log.logger(), OnMessage: echo,
		OnConnection: func(c *conn.Conn) { conns <- c }}
	start(t, s)
	p := dial(t, s)
	c := receive(t, conns)
	release := make(chan struct{})
	slowFunction := func(*conn.Conn) { <-release }
	if err := c.Do(slowFunction); err != nil {
		t.Fatal(err)
	}
	log.expect(t, "a callback holds an event loop", "TestDo_IsKnownToTheWatchdog")
	if n := s.Stats().Lag.SlowCallbacks; n == 0 {
		t.Error("it is not counted")
	}
	close(release)
	p.alive()
}

// Neither takes memory of its own beside the program's closure.
func TestDo_DoesNotAllocate(t *testing.T) {
	if raceEnabled || guard.Checking {
		t.Skip("this build allocates where others do not")
	}
	conns := make(chan *conn.Conn, 1)
	s := start(t, &Server{Loops: 1, OnConnection: func(c *conn.Conn) { conns <- c }})
	dial(t, s)
	c, ran := receive(t, conns), make(chan bool, 1)
	f := func(*conn.Conn) { ran <- true }
	for name, once := range map[string]func() error{
		"Do":        func() error { return c.Do(f) },
		"AfterFunc": func() error { _, err := c.AfterFunc(0, f); return err },
	} {
		n := allocs.PerRun(20, func() {
			if err := once(); err != nil {
				t.Fatal(err)
			}
			<-ran
		})
		if n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// A function that panics, or ends its goroutine, closes its connection with 1011, and the other
// functions of that connection, and the other connections, go on.
func TestDo_FailuresAreContained(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for name, fail := range map[string]func(*conn.Conn){
			"panic":  func(*conn.Conn) { panic("in a function") },
			"Goexit": func(*conn.Conn) { runtime.Goexit() },
		} {
			t.Run(name, func(t *testing.T) {
				var log journal
				conns, behind := make(chan *conn.Conn, 1), make(chan bool, 1)
				closed := make(chan conn.CloseInfo, 2)
				s := &Server{Loops: 1, Dispatch: d, Logger: log.logger(), OnMessage: echo,
					OnConnection: func(c *conn.Conn) { conns <- c },
					OnClose:      func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
				start(t, s)
				other := dial(t, s)
				receive(t, conns)
				p := dial(t, s)
				c := receive(t, conns)
				if err := c.Do(fail); err != nil {
					t.Fatal(err)
				}
				_ = c.Do(func(*conn.Conn) { behind <- true })
				p.expectClose(frame.InternalError)
				receive(t, behind)
				p.Close()
				if info := receive(t, closed); info.Sent != frame.InternalError {
					t.Error(info)
				}
				other.alive()
				if n := s.Stats().Panics; n != 1 {
					t.Errorf("%d panics counted", n)
				}
			})
		}
	})
}

// A deadline for a login, with no lock: the message that logs in stops the timer.
func TestAfterFunc_AsADeadline(t *testing.T) {
	parallel(t)
	modes(t, func(t *testing.T, d conn.Dispatch) {
		parallel(t)
		s := &Server{Dispatch: d}
		s.IdleTimeout, s.MaxLifetime = -1, -1 // no other timer helps
		s.OnConnection = func(c *conn.Conn) {
			timer, err := c.AfterFunc(10*time.Second, func(c *conn.Conn) { _ = c.Close(4401, "log in first") })
			if err != nil {
				t.Error(err)
			}
			c.OnMessage(func(c *conn.Conn, m conn.Message) {
				if !timer.Stop() {
					t.Error("the message came too late")
				}
				_ = c.SendText("welcome")
			})
		}
		start(t, s)
		late, friend := dial(t, s), dial(t, s)
		eventually(t, "both timers", func() bool { return s.Stats().Timers >= 2 })
		friend.text("login")
		friend.expectText("welcome")
		late.expectClose(4401)
		time.Sleep(100 * time.Millisecond)
		friend.send(masked(frame.Ping, true, "still there"))
		friend.expect(frame.Pong, "still there")
	})
}
