package server

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
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
			if deadline, ok := q.ctx.Deadline(); !ok || time.Until(deadline) > DefaultCheckTimeout {
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
	if h := p.greet("Sec-WebSocket-Protocol: a, b").Header; h.Get("Sec-WebSocket-Protocol") != "b" || h.Get("Set-Cookie") != "x=1" {
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

func TestCheckDispatch_Deadline(t *testing.T) {
	s, questions := questioning(&Server{Limits: Limits{CheckTimeout: 50 * time.Millisecond}})
	start(t, s)
	p := ask(t, s)
	q := receive(t, questions)
	if resp, _ := p.expectRefusal(503); resp.Header.Get("Retry-After") == "" {
		t.Errorf("header %v", resp.Header)
	}
	expectDone(t, q, context.DeadlineExceeded)
	if st := s.Stats(); st.Refused[CheckLate] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
}

// A check that does not heed its context keeps its place, but not its client: what it says
// at last is about nobody, even if another has the client's place by then.
func TestCheckDispatch_LateVerdictIsNobodys(t *testing.T) {
	verdict := make(chan error)
	s := start(t, &Server{Loops: 1, OnMessage: echo, CheckDispatch: conn.OnGoroutines,
		Limits: Limits{CheckTimeout: 20 * time.Millisecond, MaxChecks: 1},
		Check:  func(*Handshake) error { return <-verdict }})
	first := ask(t, s)
	first.expectRefusal(503)
	first.Close()
	eventually(t, "it to be gone", func() bool { return load(s) == 0 })
	waiting := ask(t, s)
	waiting.expectRefusal(503) // its turn never came
	waiting.Close()
	eventually(t, "it to be gone", func() bool { return load(s) == 0 })
	if st := s.Stats(); st.Refused[CheckLate] != 1 || st.Refused[CheckBusy] != 1 || st.ChecksWaited != 1 {
		t.Errorf("refused %v, %d waited", st.Refused, st.ChecksWaited)
	}
	silent := dialRaw(t, s)
	eventually(t, "it to be taken in", func() bool { return load(s) == 1 })
	verdict <- nil
	go func() { verdict <- nil }() // of the next
	silent.greet()
	silent.alive()
}

func TestCheckDispatch_ClientLeaves(t *testing.T) {
	s, questions := questioning(&Server{Limits: Limits{CheckTimeout: time.Hour}})
	start(t, s)
	for range 3 {
		p := ask(t, s)
		q := receive(t, questions)
		p.Close()
		expectDone(t, q, errPeerLeft)
	}
	eventually(t, "them to be counted", func() bool { return s.Stats().Refused[Left] == 3 })
}

func TestCheckDispatch_CloseEndsIt(t *testing.T) {
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{CheckTimeout: time.Hour, MaxChecks: 1}})
	start(t, s)
	p := ask(t, s)
	q := receive(t, questions)
	waiting := ask(t, s)
	eventually(t, "one to wait", func() bool { return s.Stats().ChecksWaited == 1 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	expectDone(t, q, ErrServerClosed)
	p.expectGone()
	waiting.expectGone()
	if n := s.Stats().Refused[Draining]; n != 2 {
		t.Errorf("%d refused", n)
	}
}

// Who was accepted is answered: by the check, if it decides soon, or by the server.
func TestCheckDispatch_ShutdownGivesItTwoSeconds(t *testing.T) {
	s, questions := questioning(&Server{Limits: Limits{CheckTimeout: time.Hour}})
	start(t, s)
	quick, slow := ask(t, s), ask(t, s)
	first, second := receive(t, questions), receive(t, questions)
	done := make(chan error, 1)
	go func() { done <- drain(s, context.Background()) }()
	receive(t, s.run.stopping)
	if first.ctx.Err() != nil {
		t.Error("its context ends at once")
	}
	first.answer <- nil
	if _, err := quick.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	expectDone(t, second, ErrServerClosed)
	accepted, refused := quick, slow
	if resp := accepted.response(); resp.StatusCode == 503 { // the other was asked about first
		accepted, refused = slow, quick
		accepted.expectStatus(101)
	} else {
		refused.expectRefusal(503)
	}
	refused.Close()
	accepted.expectClose(frame.GoingAway)
	accepted.close(frame.GoingAway, "")
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}

// Shutdown does not leave a check behind, unless its context says so.
func TestCheckDispatch_ShutdownWaitsForIt(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, 1)
	s := start(t, &Server{CheckDispatch: conn.OnGoroutines, Check: func(*Handshake) error {
		asked <- struct{}{}
		<-release
		return nil
	}})
	p := ask(t, s)
	receive(t, asked)
	p.Close()
	eventually(t, "it to be gone", func() bool { return load(s) == 0 })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := drain(s, ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that it was not waited for", err)
	}
	close(release)
	if err := drain(s, context.Background()); err != nil {
		t.Error(err)
	}
}

// So many checks run at once, so many more wait in order, and the others are told.
func TestMaxChecks(t *testing.T) {
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{MaxChecks: 1, CheckTimeout: time.Hour}})
	start(t, s)
	first := ask(t, s)
	running := receive(t, questions)
	var waiting []*peer
	for i := range checksWaiting {
		waiting = append(waiting, ask(t, s))
		eventually(t, "it to wait", func() bool { return s.Stats().ChecksWaited == uint64(i+1) })
	}
	if resp, _ := ask(t, s).expectRefusal(503); resp.Header.Get("Retry-After") == "" {
		t.Errorf("header %v", resp.Header)
	}
	if n := s.Stats().Refused[CheckBusy]; n != 1 {
		t.Errorf("%d refused", n)
	}
	waiting[1].Close() // whose place another gets
	eventually(t, "it to leave", func() bool { return s.Stats().Refused[Left] == 1 })
	waiting = append(append(waiting[:1], waiting[2:]...), ask(t, s))
	eventually(t, "another to wait", func() bool { return s.Stats().ChecksWaited == checksWaiting+1 })

	running.answer <- nil
	first.expectStatus(101)
	for _, p := range waiting {
		q := receive(t, questions)
		if len(questions) > 0 {
			t.Error("two run at once")
		}
		q.answer <- nil
		p.expectStatus(101)
		p.alive()
	}
}

// What a client sends while it is checked is kept up to a bound, and not lost beyond it.
func TestCheckDispatch_KeepsSomeBytes(t *testing.T) {
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{CheckTimeout: time.Hour, MaxMessageSize: 2 << 20, MaxPending: 4 << 20}})
	start(t, s)
	p := dialRaw(t, s)
	long := strings.Repeat("long ", 1<<18)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		p.send(with() + masked(frame.Text, true, long))
	}()
	q := receive(t, questions)
	l := s.run.loops[0]
	held := func() (held bool) {
		answer := make(chan bool)
		l.ask(func() {
			held := false
			l.clients.each(func(cl *client) { held = cl.phase == checked && cl.head.inquiry.held })
			answer <- held
		})
		return <-answer
	}
	eventually(t, "no more to be read", held)
	if _, size := l.greeter.heads.Lent(); size > 4*scratchSize {
		t.Errorf("%d bytes are kept", size)
	}
	q.answer <- nil
	p.expectStatus(101)
	p.expectText(long)
	receive(t, sent)
	p.alive()
}

// A refusal, too, is read by a client that has said more than is kept.
func TestCheckDispatch_RefusesWhoSaysMuch(t *testing.T) {
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{CheckTimeout: 300 * time.Millisecond}})
	start(t, s)
	p := dialRaw(t, s)
	p.send(with() + strings.Repeat("x", 2*scratchSize))
	receive(t, questions)
	p.expectStatus(503)
}

// In Upgrade a check runs on the handler's goroutine, within the same limits.
func TestUpgrade_CheckHasLimits(t *testing.T) {
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{MaxChecks: 1, CheckTimeout: time.Hour}})
	w := serveWeb(t, s, upgrades(s, nil))
	first := w.dialRaw(t)
	first.send(with())
	q := receive(t, questions)
	if _, ok := q.ctx.Deadline(); !ok {
		t.Error("no deadline")
	}
	second := w.dialRaw(t)
	second.send(with())
	second.expectStatus(503)
	q.answer <- nil
	first.expectStatus(101)
	first.alive()
}

func TestUpgrade_CheckHasADeadline(t *testing.T) {
	s, questions := questioning(&Server{Limits: Limits{CheckTimeout: 10 * time.Millisecond}})
	w := serveWeb(t, s, upgrades(s, nil))
	p := w.dialRaw(t)
	p.send(with())
	expectDone(t, receive(t, questions), context.DeadlineExceeded)
	p.expectStatus(503)
}

// Clients that come, ask and leave again, many at once, leave nothing behind.
func TestCheckDispatch_ComingAndGoing(t *testing.T) {
	var asked atomic.Int64
	s := start(t, &Server{CheckDispatch: conn.OnGoroutines, OnMessage: echo, Limits: Limits{MaxChecks: 4},
		Check: func(h *Handshake) error {
			if asked.Add(1)%3 == 0 {
				<-h.Request.Context().Done()
			}
			return nil
		}})
	done := make(chan struct{})
	const clients = 8
	for range clients {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range 50 {
				p := ask(t, s)
				if i%2 == 0 {
					_, _ = p.Write([]byte(masked(frame.Text, true, "x")))
				}
				p.Close()
			}
		}()
	}
	for range clients {
		<-done
	}
	eventually(t, "all to be gone", func() bool { return load(s) == 0 })
	s.run.loops[0].ask(func() {
		if n := s.run.loops[0].inquiring.waiting.Len(); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}
