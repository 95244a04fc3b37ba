package server

import (
	"net/http"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// holdTheLoop is a callback that a watchdog should name.
func holdTheLoop(release <-chan struct{}) { <-release }

func TestWatchdog_NamesTheCallbackThatHoldsALoop(t *testing.T) {
	for name, set := range map[string]func(s *Server, release <-chan struct{}){
		"message": func(s *Server, release <-chan struct{}) {
			s.OnMessage = func(*conn.Conn, conn.Message) { holdTheLoop(release) }
		},
		"compressed message": func(s *Server, release <-chan struct{}) {
			s.Deflate.Enabled = true
			s.OnMessage = func(*conn.Conn, conn.Message) { holdTheLoop(release) }
		},
		"connection": func(s *Server, release <-chan struct{}) {
			s.OnConnection = func(*conn.Conn) { holdTheLoop(release) }
		},
		"ping": func(s *Server, release <-chan struct{}) {
			s.OnPing = func(*conn.Conn, []byte) { holdTheLoop(release) }
		},
		"check": func(s *Server, release <-chan struct{}) {
			s.Check = func(*Handshake) error { holdTheLoop(release); return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(journal)
			release := make(chan struct{})
			s := &Server{Loops: 2, SlowCallback: 20 * time.Millisecond, Logger: log.logger()}
			set(s, release)
			start(t, s)
			p := dialRaw(t, s)
			message := masked(1, true, "hello")
			if s.Deflate.Enabled {
				message = string(deflated("hello"))
			}
			p.send(upgrade + offer + "\r\n\r\n" + message + masked(9, true, "ping"))
			// On a busy machine another callback may hold the loop for a moment. It is counted too.
			eventually(t, "the watchdog", func() bool { return log.lines("server.holdTheLoop ") == 1 })
			log.expect(t, "holds an event loop", "level=WARN", "limit=20ms")
			st := s.Stats()
			if st.Lag.SlowCallbacks < 1 || st.Lag.Recent < 20*time.Millisecond {
				t.Errorf("%d slow callbacks, recent lag %v", st.Lag.SlowCallbacks, st.Lag.Recent)
			}
			close(release)
			if resp := p.response(); resp.StatusCode != http.StatusSwitchingProtocols {
				t.Errorf("status %d", resp.StatusCode)
			}
			if n := log.lines("server.holdTheLoop "); n != 1 {
				t.Errorf("%d lines for one callback", n)
			}
			eventually(t, "the turn to be counted", func() bool {
				lag := s.Stats().Lag
				return lag.Total > 20*time.Millisecond && lag.Buckets[0] < lag.Turns
			})
		})
	}
}

func TestWatchdog_CallbacksOnGoroutinesMayBlock(t *testing.T) {
	log := new(journal)
	release := make(chan struct{})
	entered := make(chan struct{})
	s := start(t, &Server{Dispatch: conn.OnGoroutines, SlowCallback: time.Millisecond, Logger: log.logger(),
		OnMessage: func(*conn.Conn, conn.Message) { close(entered); <-release }})
	dial(t, s).text("hello")
	receive(t, entered)
	time.Sleep(50 * time.Millisecond) // it would have looked several times
	close(release)
	if n := log.lines("server.TestWatchdog_CallbacksOnGoroutines"); n != 0 {
		t.Errorf("%d lines of the watchdog: %s", n, log)
	}
}

func TestWatchdog_CanBeSwitchedOff(t *testing.T) {
	s := start(t, &Server{SlowCallback: -1, OnMessage: echo})
	dial(t, s).alive()
	if s.run.loops[0].Watchdog() != nil {
		t.Error("there is a watchdog")
	}
}

// One line for many incidents, and all of them counted.
func TestWatchdog_DoesNotFloodTheLog(t *testing.T) {
	log := new(journal)
	s := start(t, &Server{Loops: 1, SlowCallback: time.Millisecond, Logger: log.logger(),
		OnMessage: func(c *conn.Conn, m conn.Message) {
			for before := c.Value().(func() uint64)(); c.Value().(func() uint64)() == before; {
				time.Sleep(time.Millisecond)
			}
			echo(c, m)
		}})
	slow := func() uint64 { return s.run.loops[0].Stats().Lag.SlowCallbacks }
	p := dial(t, s)
	eventually(t, "it to be listed", func() bool { return s.ClientCount() == 1 })
	for c := range s.Clients() {
		c.SetValue(slow)
	}
	began := time.Now()
	for range 10 {
		p.text("x")
		p.expectText("x")
	}
	if n := s.Stats().Lag.SlowCallbacks; n < 10 {
		t.Errorf("%d counted, want 10", n)
	}
	if n := log.lines("holds an event loop"); n < 1 || n > 2+int(time.Since(began)/time.Second) {
		t.Errorf("%d lines for ten callbacks", n)
	}
}
