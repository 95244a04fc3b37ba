package server

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// checksWaiting is how many times as many checks as may run wait for that: see Limits.MaxChecks.
const checksWaiting = 4

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
	if n := s.Stats().Refused[ReasonCheckBusy]; n != 1 {
		t.Errorf("%d refused", n)
	}
	waiting[1].Close() // whose place another gets
	eventually(t, "it to leave", func() bool { return s.Stats().Refused[ReasonLeft] == 1 })
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

func TestCheckDispatch_Deadline(t *testing.T) {
	s, questions := questioning(&Server{Limits: Limits{CheckTimeout: 50 * time.Millisecond}})
	start(t, s)
	p := ask(t, s)
	q := receive(t, questions)
	if resp, _ := p.expectRefusal(503); resp.Header.Get("Retry-After") == "" {
		t.Errorf("header %v", resp.Header)
	}
	expectDone(t, q, context.DeadlineExceeded)
	if st := s.Stats(); st.Refused[ReasonCheckLate] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
}

// A check that does not heed its context keeps its place, but not its client: what it says
// at last is about nobody, even if another has the client's place by then.
func TestCheckDispatch_LateVerdictIsNobodys(t *testing.T) {
	parallel(t)
	verdict := make(chan error)
	over := make(chan struct{})
	defer close(over) // or a check would wait for ever
	s := start(t, &Server{Loops: 1, OnMessage: echo, CheckDispatch: conn.OnGoroutines,
		Limits: Limits{CheckTimeout: 2 * time.Second, MaxChecks: 1},
		Check: func(*Handshake) error {
			select {
			case err := <-verdict:
				return err
			case <-over:
				return nil
			}
		}})
	first := ask(t, s)
	first.expectRefusal(503)
	first.Close()
	eventually(t, "it to be gone", func() bool { return load(s) == 0 })
	waiting := ask(t, s)
	waiting.expectRefusal(503) // its turn never came
	waiting.Close()
	eventually(t, "it to be gone", func() bool { return load(s) == 0 })
	if st := s.Stats(); st.Refused[ReasonCheckLate] != 1 || st.Refused[ReasonCheckBusy] != 1 || st.ChecksWaited != 1 {
		t.Errorf("refused %v, %d waited", st.Refused, st.ChecksWaited)
	}
	silent := dialRaw(t, s)
	eventually(t, "it to be taken in", func() bool { return load(s) == 1 })
	give(t, verdict, nil)
	next := make(chan struct{})
	go func() { give(t, verdict, nil); close(next) }()
	silent.handshake()
	receive(t, next)
	silent.alive()
}

// What a client sends while it is checked is kept up to a bound, and not lost beyond it.
func TestCheckDispatch_KeepsSomeBytes(t *testing.T) {
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{CheckTimeout: time.Hour, Limits: conn.Limits{MaxMessageSize: 2 << 20, MaxPending: 4 << 20}}})
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
	kept := func() int64 { _, size := unopened(l).Lent(); return size }
	eventually(t, "no more to be read", func() bool {
		before := kept()
		for range 3 { // turns, in which it would be read
			do(t, l, func() {})
		}
		return before > 4<<10 && kept() == before
	})
	if size := kept(); size > 64<<10 {
		t.Errorf("%d bytes are kept", size)
	}
	q.answer <- nil
	p.expectStatus(101)
	p.expectText(long)
	receive(t, sent)
	p.alive()
}

// A refusal, too, is read by a client that has said more than is kept.
func TestCheckDispatch_RefusesClientsThatSayMuch(t *testing.T) {
	parallel(t)
	s, questions := questioning(&Server{Loops: 1, Limits: Limits{CheckTimeout: 300 * time.Millisecond}})
	start(t, s)
	p := dialRaw(t, s)
	p.send(with() + strings.Repeat("x", 32<<10))
	receive(t, questions)
	p.expectStatus(503)
}

// Clients that come, ask and leave again, many at once, leave nothing behind.
func TestCheckDispatch_ComingAndGoing(t *testing.T) {
	const atOnce = 4
	var asked atomic.Int64
	var left atomic.Bool
	s := start(t, &Server{Loops: 1, CheckDispatch: conn.OnGoroutines, OnMessage: echo, Limits: Limits{MaxChecks: atOnce},
		Check: func(h *Handshake) error {
			if asked.Add(1)%3 == 0 || left.Load() {
				<-h.Request.Context().Done()
			}
			return nil
		}})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for i := range 50 {
				p := ask(t, s)
				if i%2 == 0 {
					_, _ = p.Write([]byte(masked(frame.Text, true, "x")))
				}
				p.Close()
			}
		})
	}
	within(t, "the last client", func() bool { clients.Wait(); return true })
	eventually(t, "all to have come and gone", func() bool { return s.Stats().Accepted == 8*50 && load(s) == 0 })
	// All places are free again: those for checks, and those for waiting.
	eventually(t, "the last check to end", func() bool { return !bytes.Contains(stacks(), []byte("phase.(*checks).start.func")) })
	do(t, s.run.loops[0], func() {}) // behind what the checks have left to the loop
	left.Store(true)
	before := s.Stats()
	for range atOnce * (1 + checksWaiting) {
		ask(t, s)
	}
	// More may have waited, for a check of a client that was gone.
	eventually(t, "as many to wait as may", func() bool { return s.Stats().ChecksWaited >= before.ChecksWaited+atOnce*checksWaiting })
	if n := s.Stats().Refused[ReasonCheckBusy]; n != before.Refused[ReasonCheckBusy] {
		t.Errorf("%d found no place", n)
	}
}
