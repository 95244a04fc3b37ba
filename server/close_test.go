package server

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestClose_CutsEveryone(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		closed := make(chan conn.CloseInfo, 10)
		s := start(t, &Server{Dispatch: d, OnMessage: echo, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }})
		peers := []*peer{dial(t, s), dial(t, s), dial(t, s)}
		unopened := dialRaw(t, s)
		unopened.send("GET")
		for _, p := range peers {
			p.alive()
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, p := range append(peers, unopened) {
			p.expectGone()
		}
		for range peers {
			if info := receive(t, closed); !errors.Is(info.Err, ErrServerClosed) || info.By != conn.Local {
				t.Errorf("closed with %v", info)
			}
		}
	})
}

func TestClose_AtAnyMoment(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for i := range 30 {
			s := start(t, &Server{Dispatch: d, OnMessage: echo})
			addr := s.ListenAddr().String()
			stop := make(chan bool)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						c, err := net.Dial("tcp", addr)
						if err != nil {
							continue
						}
						_, _ = c.Write([]byte(with() + masked(frame.Text, true, "x")))
						_ = c.Close()
					}
				})
			}
			time.Sleep(time.Duration(i) * 100 * time.Microsecond)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			close(stop)
			wg.Wait()
		}
	})
}

func TestClose_FromACallback(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		errs := make(chan error, 10)
		s := &Server{Dispatch: d}
		s.OnMessage = func(c *conn.Conn, m conn.Message) {
			if d == conn.OnLoop { // as deep as a program may be
				errs <- deep(200, s.Close)
				return
			}
			errs <- s.Close()
		}
		start(t, s)
		p, other := dial(t, s), dial(t, s)
		p.text("x")
		if err := receive(t, errs); err != nil {
			t.Error(err)
		}
		p.expectGone()
		other.expectGone()
		for _, l := range s.run.loops {
			receive(t, l.Done())
		}
	})
}

func TestClose_DuringShutdown(t *testing.T) {
	s := start(t, &Server{})
	p := dial(t, s)
	done := make(chan error, 1)
	go func() { done <- drain(s, context.Background()) }()
	p.expectClose(frame.GoingAway)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	p.expectGone()
}
