package servertest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/framerail/framerail/server"
)

// defaultBuffer is what a simulated socket holds each way, in bytes.
const defaultBuffer = 64 << 10

// Sim is a simulated machine with a server on it, and another one after [Sim.Restart]. It is for one goroutine; the
// fields may be changed between calls of its methods.
type Sim struct {
	// Faults are what goes wrong. Zero: nothing.
	Faults Faults
	// Buffer is how many bytes each socket holds in each direction before it is
	// full. 0: 64 KiB.
	Buffer int
	// Trace gets a line for each thing that happens. Nil: none is written.
	Trace io.Writer

	hosts hosts

	// current is the strand that runs, nil while none does. It and the next two belong to
	// the goroutine that runs: at any time there is one.
	current *strand
	workers []*worker // without a strand
	killing bool      // strands are to end
	unlock  func()    // mu.Unlock, bound once

	watchdog watchdog

	// mu guards what follows. A program's own goroutines may send.
	mu sync.Mutex
	schedule
	devices
	sum    uint64 // of the trace
	broken []error
	chunk  [4 << 10]byte // for clients that inflate
}

// host is a server of the machine's.
type host struct {
	srv      *server.Server
	listener *listener
	served   error // what Serve returned
}

// hosts are the servers that the machine has had.
type hosts []*host

// last is where clients come to.
func (h hosts) last() *host { return h[len(h)-1] }

// schedule decides what happens next.
type schedule struct {
	rnd     *rand.Rand
	apart   *rand.Rand // for Faults.Gone
	now     time.Time
	strands []*strand // in the order they began
	awake   []*strand // those of them that are looked at before each step, in the same order
	begun   int       // strands, ever
	turns   uint64    // of strands, except those that look again in vain
	steps   int
	choices []choice // of a step
}

// devices is what the machine has beside strands.
type devices struct {
	alarms  []*alarm
	pollers []*simPoller
	sockets []*socket // those either side has not done with
	moving  []*socket // those with something on its way, by their numbers; and some without
	fds     []end     // by descriptor
	dialled int
}

// birthday is when every simulation begins.
var birthday = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// New starts a server on a machine of its own. The server must not be in use. If its
// Loops is 0 it gets one, so that a seed does not depend on the machine. With a TLSConfig
// it serves over TLS, and clients speak it, trusting any certificate; for a seed to replay
// exactly its key is of Ed25519, since signatures of others differ in length. New panics
// if the server does not start.
func New(seed uint64, srv *server.Server) *Sim {
	s := newSim(seed)
	newHost(s, srv).serve(s)
	return s
}

// newSim is a machine on which nothing runs yet.
func newSim(seed uint64) *Sim {
	s := &Sim{
		schedule: schedule{
			rnd:   rand.New(rand.NewPCG(seed, 0)),
			apart: rand.New(rand.NewPCG(seed, 2)), // 1 is for scripts that share the seed
			now:   birthday,
		},
		sum: offsetBasis,
	}
	s.unlock = s.mu.Unlock
	s.watchdog.init()
	return s
}

// Restart starts another server in the place of one that has stopped accepting: call Shutdown or Close of that one
// before. Between the two dials are refused. The one before may still have clients. It is for the goroutine of the
// test, outside callbacks. Restart panics as New does, and if there is a server that accepts.
func (s *Sim) Restart(srv *server.Server) {
	s.mu.Lock()
	closed := s.hosts.last().listener.closed
	s.mu.Unlock()
	if !closed {
		panic("servertest: Restart on a machine whose server accepts")
	}
	newHost(s, srv).serve(s)
}

// newHost has a server be where clients come to.
func newHost(s *Sim, srv *server.Server) *host {
	if srv.Loops == 0 {
		srv.Loops = 1
	}
	h := &host{srv: srv, listener: &listener{sim: s}}
	s.mu.Lock()
	s.hosts = append(s.hosts, h)
	s.mu.Unlock()
	return h
}

// serve starts the server.
func (h *host) serve(s *Sim) {
	srv := h.srv
	s.Go(func() {
		if srv.TLSConfig != nil {
			h.served = srv.ServeTLS(h.listener, "", "")
			return
		}
		h.served = srv.Serve(h.listener)
	})
	s.drive(waiting{ready: func() bool { return h.listener.used || h.served != nil }})
	if h.served != nil {
		s.kill()
		panic("servertest: the server does not start: " + h.served.Error())
	}
}

// Seconds of simulated time, and things done, that Close gives a server to end.
const (
	endWithin = time.Hour
	endSteps  = 10_000_000
)

// Close closes the server, unless it has ended, and tells what is wrong: what it, or
// a callback, left behind, and what it did to its sockets that must not be done.
func (s *Sim) Close() error {
	for _, h := range s.hosts {
		s.Go(func() { _ = h.srv.Close() })
	}
	end := s.now.Add(endWithin)
	for step := 0; len(s.strands) > 0; step++ {
		if step > endSteps {
			s.breach("the server does not end: after %d steps there is still something to do", step)
			break
		}
		if !s.Step() && !s.elapse(end) {
			break
		}
	}
	for _, st := range s.strands {
		s.breach("%v has not ended", st)
	}
	s.kill()
	for _, k := range s.sockets {
		if c, ok := k.peer.(*Client); ok && c.over != nil {
			c.over.end()
		}
	}
	s.checkRest()
	for _, h := range s.hosts {
		h.checkRest(s)
	}
	return errors.Join(s.broken...)
}

// checkRest is what is true of a machine whose servers have ended.
func (s *Sim) checkRest() {
	for _, k := range s.fds {
		if k != nil {
			s.breach("%v was not closed", k)
		}
	}
	for i, p := range s.pollers {
		if n := len(p.watched); n > 0 {
			s.breach("poller %d still watches %d sockets", i, n)
		}
		if !p.closed {
			s.breach("poller %d was not closed", i)
		}
	}
}

// checkRest is what is true of a server that has ended.
func (h *host) checkRest(s *Sim) {
	if n := h.srv.ClientCount(); n > 0 {
		s.breach("%d clients are in the table", n)
	}
	st := h.srv.Stats()
	if st.Buffers != 0 || st.BufferBytes != 0 || st.Timers != 0 || st.Clients != 0 || st.Pending != 0 {
		s.breach("left: %d buffers of %d bytes, %d timers, %d clients, %d bytes pending",
			st.Buffers, st.BufferBytes, st.Timers, st.Clients, st.Pending)
	}
	if !errors.Is(h.served, server.ErrServerClosed) {
		s.breach("Serve returned %v", h.served)
	}
}

// breach notes something that must not be.
func (s *Sim) breach(format string, args ...any) {
	s.mu.Lock()
	s.breachLocked(format, args...)
	s.mu.Unlock()
}

// breachLocked is breach with mu held. Of many breaches the first tell enough.
func (s *Sim) breachLocked(format string, args ...any) {
	if len(s.broken) < 20 {
		s.broken = append(s.broken, fmt.Errorf("servertest: "+format, args...))
	}
}

// Err is what was broken so far; nil if nothing was.
func (s *Sim) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.broken...)
}
