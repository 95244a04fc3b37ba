package server

import (
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/sampler"
)

// nobody fails unless no connection is counted any more.
func (r *running) nobody(t testing.TB) {
	t.Helper()
	eventually(t, "nobody to be counted", func() bool {
		open, excess, addresses := r.gate.Counted()
		return open == 0 && excess == 0 && addresses == 0
	})
}

func TestAdmission_TooManyGet503(t *testing.T) {
	parallel(t)
	var log journal
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo, Limits: Limits{MaxConnections: 3}})
	var in []*peer
	for range 3 {
		in = append(in, dial(t, s))
	}
	p := dialRaw(t, s)
	p.send(with("A: b"))
	resp, _ := p.expectRefusal(http.StatusServiceUnavailable)
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	log.expect(t, "too many connections")
	st := s.Stats()
	if st.Refused[ReasonConnections] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
	expectAllAccounted(t, st)
	for _, p := range in {
		p.alive()
		p.Close()
	}
	s.run.nobody(t)
	dial(t, s).alive()
}

func TestAdmission_TooManyFromOneAddressGet429(t *testing.T) {
	parallel(t)
	s := start(t, &Server{OnMessage: echo, Limits: Limits{MaxConnectionsPerAddress: 2}})
	a, b := dial(t, s), dial(t, s)
	p := dialRaw(t, s)
	p.send(with("A: b"))
	resp, _ := p.expectRefusal(http.StatusTooManyRequests)
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if st := s.Stats(); st.Refused[ReasonAddress] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
	a.alive()
	a.Close()
	b.alive()
	b.Close()
	s.run.nobody(t)
	dial(t, s).alive()
}

// Those that say nothing are closed, and beyond some at once, so that being refused is
// bounded too.
func TestAdmission_RefusingIsBounded(t *testing.T) {
	parallel(t)
	onceInTime(t, func() bool { return refusingIsBounded(t) })
}

// refusingIsBounded returns false if the machine was too slow: some of those that say nothing may have been closed
// before all was counted.
func refusingIsBounded(t *testing.T) (inTime bool) {
	const soon = 1500 * time.Millisecond // they have two seconds
	var log journal
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo, Limits: Limits{MaxConnections: 1, HandshakeTimeout: time.Minute}})
	first := dial(t, s)
	var silent, beyond []*peer
	began := time.Now()
	for range gate.ExcessMin {
		silent = append(silent, dialRaw(t, s))
	}
	eventually(t, "them to be taken in", func() bool { return s.Stats().Accepted == 1+gate.ExcessMin })
	for range 50 {
		beyond = append(beyond, dialRaw(t, s))
	}
	eventually(t, "the others to be refused", func() bool { return s.Stats().Refused[ReasonConnections] >= 50 })
	there, refused := load(s), s.Stats().Refused[ReasonConnections]
	if time.Since(began) > soon {
		return false
	}
	if there != 1+gate.ExcessMin {
		t.Errorf("%d connections are there", there)
	}
	if refused != 50 {
		t.Errorf("%d refused", refused)
	}
	for _, p := range beyond {
		if n, err := p.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Fatal("answered")
		}
	}
	if n := log.lines("too many connections"); n > 2*sampler.Burst {
		t.Errorf("%d lines in the log", n)
	}
	begin := time.Now()
	for _, p := range silent {
		_, _ = io.ReadAll(p)
	}
	if d := time.Since(begin); d > 30*time.Second {
		t.Errorf("clients that wait to be refused may take %v for their request", d)
	}
	first.alive()
	first.Close()
	s.run.nobody(t)
	return true
}

// A request that net/http serves counts until its connection is closed.
func TestAdmission_CountsThoseOfTheHandler(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	s := start(t, handled(func(http.ResponseWriter, *http.Request) { asked <- true; <-answer }))
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	receive(t, asked)
	if open, _, _ := s.run.gate.Counted(); open != 1 {
		t.Errorf("%d counted, want 1", open)
	}
	answer <- true
	p.expectStatus(200)
	p.Close()
	s.run.nobody(t)
}

// However connections come and go, on however many loops, the counts return to zero.
func TestAdmission_IsExactUnderChurn(t *testing.T) {
	s := start(t, &Server{Loops: 2, OnMessage: echo, Limits: Limits{MaxConnections: 20, MaxConnectionsPerAddress: 12}})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range 100 {
				p := dialRaw(t, s)
				switch random.IntN(4) {
				case 0: // says nothing
				case 1:
					p.send("GET")
				case 2:
					p.send("nonsense\r\n\r\n")
				default:
					p.send(with("A: b"))
				}
				if random.IntN(2) == 0 {
					p.SetReadDeadline(time.Now().Add(time.Millisecond))
					_, _ = p.Read(make([]byte, 1))
				}
				p.Close()
			}
		})
	}
	group.Wait()
	s.run.nobody(t)
}

func TestAccept_IsPaced(t *testing.T) {
	parallel(t)
	var log journal
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo, Limits: Limits{HandshakesPerSecond: 1}}) // which no machine is too slow for
	begin := time.Now()
	for range 3 {
		dial(t, s).alive()
	}
	if d := time.Since(begin); d < 1800*time.Millisecond {
		t.Errorf("3 handshakes at one a second, of which the first is let in at once: %v", d)
	}
	if s.Stats().Paced == 0 {
		t.Error("not counted")
	}
	log.expect(t, "HandshakesPerSecond")
	if st := s.Stats(); len(st.Refused) != 0 {
		t.Errorf("refused: %v", st.Refused)
	}
}
