package server

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestLeaving_FitsIntoTheTimeThatThereIs(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		notice, window, left, patience time.Duration
		wantNotice, wantWindow         time.Duration
	}{
		{0, 0, 10 * s, 5 * s, 0, 0},
		{0, 60 * s, 65 * s, 5 * s, 0, 60 * s},
		{0, 60 * s, 35 * s, 5 * s, 0, 30 * s},
		{20 * s, 60 * s, 45 * s, 5 * s, 10 * s, 30 * s},
		{0, 60 * s, 4 * s, 5 * s, 0, 2 * s}, // half of it
		{s, 60 * s, 0, 5 * s, 0, 0},
		{s, 60 * s, -s, 5 * s, 0, 0},
	} {
		got := Leaving{Notice: test.notice, Window: test.window}.within(test.left, test.patience)
		if got.Notice != test.wantNotice || got.Window != test.wantWindow {
			t.Errorf("%+v: %v and %v", test, got.Notice, got.Window)
		}
	}
}

func TestDraining_FromShutdownOrCloseOn(t *testing.T) {
	for name, end := range map[string]func(s *Server) error{
		"Shutdown": func(s *Server) error { return drain(s, context.Background()) },
		"Close":    (*Server).Close,
	} {
		for _, started := range []bool{true, false} {
			s := &Server{}
			if started {
				start(t, s)
			}
			if s.Draining() {
				t.Errorf("%s: draining before", name)
			}
			if err := end(s); err != nil || !s.Draining() {
				t.Errorf("%s: not draining, %v", name, err)
			}
		}
	}
}

// A callback on the loop does not wait for the notice, nor for the window.
func TestLeaving_ShutdownInACallback(t *testing.T) {
	errs := make(chan error, 1)
	s := &Server{Leaving: Leaving{Notice: 50 * time.Millisecond, Window: 100 * time.Millisecond, Code: frame.ServiceRestart}}
	s.OnMessage = func(c *conn.Conn, m conn.Message) {
		_, err := s.Shutdown(context.Background())
		errs <- err
		echo(c, m)
	}
	start(t, s)
	p := dial(t, s)
	p.text("end")
	if err := receive(t, errs); !errors.Is(err, conn.ErrOnLoop) {
		t.Error(err)
	}
	p.expectText("end")
	p.expectClose(frame.ServiceRestart)
	p.close(frame.ServiceRestart, "")
	p.expectEOF()
	if d, err := s.Shutdown(context.Background()); err != nil || d.Clean != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// A callback that cancels its context as it returns does not cut the clients.
func TestShutdown_GoesOnAfterTheCallbackHasReturned(t *testing.T) {
	for _, d := range []conn.Dispatch{conn.OnLoop, conn.Adaptive} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			errs := make(chan error, 1)
			s := &Server{Dispatch: d}
			s.OnMessage = func(c *conn.Conn, m conn.Message) {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				_, err := s.Shutdown(ctx)
				errs <- err
			}
			start(t, s)
			p := dial(t, s)
			p.text("end")
			if err := receive(t, errs); !errors.Is(err, conn.ErrOnLoop) {
				t.Fatal(err)
			}
			p.expectClose(frame.GoingAway)
			p.close(frame.GoingAway, "")
			p.expectEOF()
			if drained, err := s.Shutdown(context.Background()); err != nil || drained.Clean != 1 {
				t.Errorf("%+v, %v", drained, err)
			}
		})
	}
}

// A context without time left cuts at once, as without a window.
func TestLeaving_ADoneContextCutsAtOnce(t *testing.T) {
	onceInTime(t, func() bool {
		s := start(t, &Server{Leaving: Leaving{Notice: time.Hour, Window: time.Hour}})
		p := dial(t, s)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		d, err := s.Shutdown(ctx)
		if cutLate(err) {
			return false
		}
		if !errors.Is(err, context.Canceled) || d.Forced != 1 {
			t.Errorf("%+v, %v", d, err)
		}
		p.expectGone()
		return true
	})
}

// Close within the notice of a Shutdown cuts all clients, and Shutdown waits no longer.
func TestLeaving_CloseWithinTheNotice(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Leaving: Leaving{Notice: time.Hour}})
	p := dial(t, s)
	p.alive()
	type result struct {
		Drain
		err error
	}
	ended := make(chan result, 1)
	go func() {
		d, err := s.Shutdown(context.Background())
		ended <- result{d, err}
	}()
	eventually(t, "the notice", s.Draining)
	p.alive()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if r := receive(t, ended); r.err != nil || r.Clean != 0 || r.Open != 0 {
		t.Errorf("%+v", r)
	}
	p.expectGone()
}
