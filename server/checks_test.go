package server

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/phase"
)

// question is a Check that waits for the test to answer, or for its context.
type question struct {
	ctx    context.Context
	answer chan<- error
}

// questioning gives a server such a Check, on goroutines.
func questioning(s *Server) (*Server, <-chan question) {
	questions := make(chan question, 64)
	s.OnMessage = echo
	s.CheckDispatch = conn.OnGoroutines
	s.Check = func(h *Handshake) error {
		ctx, answer := h.Request.Context(), make(chan error, 1)
		questions <- question{ctx, answer}
		select {
		case err := <-answer:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return s, questions
}

// ask sends a handshake.
func ask(t testing.TB, s *Server) *peer {
	t.Helper()
	p := dialRaw(t, s)
	p.send(with())
	return p
}

// expectDone fails unless a check's context ends for that reason.
func expectDone(t testing.TB, q question, why error) {
	t.Helper()
	receive(t, q.ctx.Done())
	if cause := context.Cause(q.ctx); !errors.Is(cause, why) {
		t.Errorf("the context ends with %v, want %v", cause, why)
	}
	want := context.Canceled
	if why == context.DeadlineExceeded {
		want = why
	}
	if err := q.ctx.Err(); err != want {
		t.Errorf("the context's error is %v, want %v", err, want)
	}
}

// A check may take its time: the loop goes on, and what the client sends is not lost.
func TestCheckDispatch_DoesNotHoldTheLoop(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *Server) (dial func() *peer){
		"plain": func(t *testing.T, s *Server) func() *peer {
			start(t, s)
			return func() *peer { return dialRaw(t, s) }
		},
		"tls": func(t *testing.T, s *Server) func() *peer {
			startTLS(t, s)
			return func() *peer { return secured(t, s, trusting()) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, questions := questioning(&Server{Loops: 1})
			dial := run(t, s)
			asking, other := dial(), dial()
			asking.send(with() + masked(frame.Text, true, "with the request"))
			q := receive(t, questions)
			asking.text("later")
			other.send(with())
			receive(t, questions).answer <- nil
			other.expectStatus(101)
			other.alive()
			if deadline, ok := q.ctx.Deadline(); !ok || time.Until(deadline) > defaultCheckTimeout {
				t.Errorf("deadline %v, %v", deadline, ok)
			}
			q.answer <- nil
			asking.expectStatus(101)
			asking.expectText("with the request")
			asking.expectText("later")
			asking.alive()
			expectDone(t, q, context.Canceled) // it has returned
		})
	}
}

func TestCheckDispatch_RequestInPieces(t *testing.T) {
	s, questions := questioning(&Server{})
	start(t, s)
	p := dialRaw(t, s)
	p.drip(with())
	q := receive(t, questions)
	p.drip(masked(frame.Text, true, "x"))
	q.answer <- nil
	p.expectStatus(101)
	p.expectText("x")
	p.alive()
}

// What a check has made of the handshake is answered, be it a refusal or not.
func TestCheckDispatch_Answers(t *testing.T) {
	s := start(t, &Server{CheckDispatch: conn.OnGoroutines, Subprotocols: []string{"a"}, OnMessage: echo,
		Check: func(h *Handshake) error {
			switch h.Request.URL.Query().Get("room") {
			case "1":
				h.Subprotocol, h.Header = "b", http.Header{"Set-Cookie": {"x=1"}}
				return nil
			case "2":
				return &Refusal{Status: 401, Body: "who?", Header: http.Header{"Www-Authenticate": {"Basic"}}}
			case "3":
				return errors.New("no")
			case "4":
				h.Subprotocol = "not offered"
				return nil
			}
			panic("asked about " + h.Request.URL.String())
		}})
	p := dialRaw(t, s)
	if h := p.handshake("Sec-WebSocket-Protocol: a, b").Header; h.Get("Sec-WebSocket-Protocol") != "b" || h.Get("Set-Cookie") != "x=1" {
		t.Errorf("header %v", h)
	}
	p.alive()
	for room, status := range map[string]int{"2": 401, "3": 403, "4": 500} {
		p := dialRaw(t, s)
		p.send(replace("room=1", "room="+room))
		resp := p.expectStatus(status)
		if status == 401 && resp.Header.Get("Www-Authenticate") != "Basic" {
			t.Errorf("header %v", resp.Header)
		}
		p.expectGone()
	}
}

// A check that does not return costs its client a 500, and nobody else anything.
func TestCheckDispatch_PanicAndGoexitGet500(t *testing.T) {
	var log journal
	s := start(t, &Server{Loops: 1, CheckDispatch: conn.OnGoroutines, Logger: log.logger(), OnMessage: echo,
		Limits: Limits{MaxChecks: 1},
		Check: func(h *Handshake) error {
			switch h.Request.Header.Get("Boom") {
			case "panic":
				panic("check went wrong")
			case "exit":
				runtime.Goexit()
			}
			return nil
		}})
	for range 3 {
		for _, how := range []string{"panic", "exit"} {
			p := dialRaw(t, s)
			p.send(with("Boom: " + how))
			p.expectRefusal(500)
		}
	}
	log.expect(t, "check went wrong", "runtime.Goexit")
	if n := s.Stats().Panics; n != 6 {
		t.Errorf("%d panics counted", n)
	}
	dial(t, s).alive()
}

func TestCheckDispatch_ClientLeaves(t *testing.T) {
	s, questions := questioning(&Server{Limits: Limits{CheckTimeout: time.Hour}})
	start(t, s)
	for range 3 {
		p := ask(t, s)
		q := receive(t, questions)
		p.Close()
		expectDone(t, q, phase.ErrPeerLeft)
	}
	eventually(t, "them to be counted", func() bool { return s.Stats().Refused[ReasonLeft] == 3 })
}
