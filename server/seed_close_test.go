package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestSeed_PingPong(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		t.Run("automatic", func(t *testing.T) {
			p := dial(t, start(t, &Server{Dispatch: d}))
			p.send(masked(frame.Ping, true, "payload"))
			p.expect(frame.Pong, "payload")
		})
		t.Run("OnPing_replaces_the_pong", func(t *testing.T) {
			p := dial(t, start(t, &Server{Dispatch: d, OnPing: func(c *conn.Conn, b []byte) {
				_ = c.Pong(append([]byte("own "), b...))
			}}))
			p.send(masked(frame.Ping, true, "payload"))
			p.expect(frame.Pong, "own payload")
		})
		t.Run("OnPong", func(t *testing.T) {
			p := dial(t, start(t, &Server{Dispatch: d,
				OnConnection: func(c *conn.Conn) { _ = c.Ping([]byte("are you there?")) },
				OnPong:       func(c *conn.Conn, b []byte) { _ = c.SendText("pong " + string(b)) },
			}))
			p.expect(frame.Ping, "are you there?")
			p.send(masked(frame.Pong, true, "yes"))
			p.expectText("pong yes")
		})
	})
}

func TestSeed_CloseCodeAndReason(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		t.Run("this_side", func(t *testing.T) {
			closed := make(chan conn.CloseInfo, 2)
			s := start(t, &Server{Dispatch: d,
				OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.Close(frame.PolicyViolation, "enough") },
				OnClose:   func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
			})
			p := dial(t, s)
			p.text("x")
			if reason := p.expectClose(frame.PolicyViolation); reason != "enough" {
				t.Errorf("reason %q", reason)
			}
			p.close(frame.PolicyViolation, "")
			p.expectEOF()
			want := conn.CloseInfo{By: conn.Local, Sent: frame.PolicyViolation, Received: frame.PolicyViolation, Reason: "enough"}
			if got := receive(t, closed); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
		t.Run("the_peer", func(t *testing.T) {
			closed := make(chan conn.CloseInfo, 2)
			s := start(t, &Server{Dispatch: d, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }})
			p := dial(t, s)
			p.close(4001, "bye")
			p.expectClose(4001)
			p.expectEOF()
			want := conn.CloseInfo{By: conn.Peer, Sent: 4001, Received: 4001, Reason: "bye"}
			if got := receive(t, closed); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
		t.Run("codes_have_names", func(t *testing.T) {
			if s := fmt.Sprint(frame.GoingAway); !strings.Contains(strings.ToLower(s), "going away") {
				t.Errorf("1001 is %q", s)
			}
		})
	})
}

func TestSeed_DisconnectOneAndAll(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo})
		one, others := dial(t, s), []*peer{dial(t, s), dial(t, s), dial(t, s)}
		eventually(t, "all to be listed", func() bool { return s.ClientCount() == 4 })
		c, _ := s.Client(netip.MustParseAddrPort(one.LocalAddr().String()))
		if err := c.Close(frame.NormalClosure, ""); err != nil {
			t.Error(err)
		}
		one.expectClose(frame.NormalClosure)
		one.close(frame.NormalClosure, "")
		one.expectEOF()
		for _, p := range others {
			p.alive()
		}

		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- drain(s, ctx) }()
		for _, p := range others {
			p.expectClose(frame.GoingAway)
			p.close(frame.GoingAway, "")
			p.expectEOF()
		}
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	})
}

func TestSeed_Heartbeat(t *testing.T) {
	parallel(t)
	modes(t, func(t *testing.T, d conn.Dispatch) {
		parallel(t)
		closed := make(chan conn.CloseInfo, 1)
		s := start(t, &Server{Dispatch: d, Limits: Limits{Limits: conn.Limits{IdleTimeout: 12 * time.Second}}, OnConnection: func(c *conn.Conn) {
			if r, _ := c.Request(); r.Header.Get("Watch") != "" {
				c.OnClose(func(_ *conn.Conn, info conn.CloseInfo) { closed <- info })
			}
		}})
		silent, lively := dial(t, s, "Watch: 1"), dial(t, s)
		silent.expect(frame.Ping, "") // at half the timeout
		for range 3 {
			lively.expect(frame.Ping, "")
			lively.send(masked(frame.Pong, true, ""))
		}
		if info := receive(t, closed); !errors.Is(info.Err, conn.ErrIdle) {
			t.Errorf("the silent one was closed with %v", info)
		}
		silent.expectClose(frame.GoingAway)
		silent.expectGone()
		if n := s.ClientCount(); n != 1 {
			t.Errorf("%d clients left, want the lively one", n)
		}
	})
}

func TestSeed_HeartbeatIsOnByDefault(t *testing.T) {
	s := start(t, &Server{})
	if got := s.run.config.IdleTimeout; got != 120*time.Second {
		t.Errorf("idle timeout %v, want 120 s", got)
	}
}

func TestSeed_State(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		states := make(chan conn.State, 10)
		s := start(t, &Server{Dispatch: d,
			OnConnection: func(c *conn.Conn) { states <- c.State() },
			OnMessage: func(c *conn.Conn, _ conn.Message) {
				states <- c.State()
				_ = c.Close(frame.NormalClosure, "")
				states <- c.State()
			},
			OnClose: func(c *conn.Conn, _ conn.CloseInfo) { states <- c.State() },
		})
		p := dial(t, s)
		p.text("x")
		p.expectClose(frame.NormalClosure)
		p.close(frame.NormalClosure, "")
		p.expectEOF()
		for _, want := range []conn.State{conn.Open, conn.Open, conn.Closing, conn.Closed} {
			if got := receive(t, states); got != want {
				t.Errorf("state %v, want %v", got, want)
			}
		}
		if s := fmt.Sprint(conn.Connecting, conn.Open, conn.Closing, conn.Closed); s != "connecting open closing closed" {
			t.Errorf("states are called %s", s)
		}
	})
}

// RFC 6455 5.5.1: there is no way to force data through after a Close frame.
func TestSeed_NoDataAfterClose(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		errs := make(chan error, 10)
		s := start(t, &Server{Dispatch: d, OnMessage: func(c *conn.Conn, _ conn.Message) {
			_ = c.Close(frame.NormalClosure, "")
			_, err := c.NewWriter(conn.Text)
			for _, err := range []error{err, c.SendText("x"), c.SendBinary(nil), c.Ping(nil), c.Pong(nil), c.Close(frame.NormalClosure, "")} {
				errs <- err
			}
		}})
		p := dial(t, s)
		p.text("x")
		p.expectClose(frame.NormalClosure)
		for range 6 {
			if err := receive(t, errs); !errors.Is(err, conn.ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
		p.close(frame.NormalClosure, "")
		p.expectEOF() // and nothing before it
	})
}
