package session

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

var simSeeds = flag.Uint64("seeds", 60, "how many seeds TestSimulation plays for each dispatch")

// TestSimulation plays whole lives of connections over a transport and a clock that
// misbehave as real ones do, at random but by a seed: short reads and writes,
// transports that are full, readiness that is none, resets, ends, garbage, silence;
// callbacks that send, close, panic, stream, stop reading; and every overflow policy. On the loop a seed
// replays exactly; on goroutines it replays all but the scheduler:
//
//	go test ./internal/session -run 'TestSimulation/dispatch=loop/seed=7$' -seeds 8
func TestSimulation(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for seed := range *simSeeds {
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				newSimulation(t, dispatch, seed).play()
			})
		}
	})
}

// simulation is a loop with some lives on it. The test's goroutine is the loop.
type simulation struct {
	t      *testing.T
	rnd    *rand.Rand
	loop   *Loop
	policy *Policy
	lives  []*life

	mu  sync.Mutex
	due []*life // scheduled

	// Of the loop, whichever goroutine has it.
	opened int // of lives
	steps  int
	at     *life // the one whose Driver is called
	stole  int   // how many callbacks have lost the loop
	done   chan struct{}
}

func newSimulation(t *testing.T, dispatch Dispatch, seed uint64) *simulation {
	s := &simulation{t: t, done: make(chan struct{}), rnd: rand.New(rand.NewPCG(seed, uint64(dispatch)))}
	cfg := Config{
		Dispatch: dispatch, Logger: quiet,
		MaxMessageSize: 64 << 10, MaxFragments: 50,
		MaxPending:    256 << s.rnd.IntN(10),
		QueueMessages: 1 + s.rnd.IntN(8), QueueBytes: 1 << s.rnd.IntN(16),
		IdleTimeout: 10 * time.Second, CloseTimeout: 3 * time.Second, WriteTimeout: 4 * time.Second,
		Overflow: policies[s.rnd.IntN(len(policies))],
	}
	cfg = cfg.WithDefaults()
	s.loop, s.policy = NewLoop(s), NewPolicy(&cfg)
	t.Cleanup(s.loop.End)
	s.loop.Succeed = func() { s.stole++; go s.serve() }
	s.loop.Chance = func() bool { return s.rnd.IntN(3) == 0 }
	s.loop.readBuf = make([]byte, 64<<s.rnd.IntN(10)) // so that reads fill it
	for i := range 4 {
		s.lives = append(s.lives, newLife(s, i))
	}
	return s
}

func (s *simulation) play() {
	go s.serve()
	<-s.done
	if s.t.Failed() {
		return
	}
	for _, l := range s.lives {
		l.checkEnd()
	}
	for range 30_000 { // what runs the callbacks gives back, and returns, behind the last of them
		if n, _ := s.loop.Lent(); n == 0 && s.loop.out.Load() == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n, size := s.loop.Lent(); n != 0 {
		s.t.Errorf("%d buffers (%d bytes) still lent", n, size)
	}
	if n := s.loop.out.Load(); n != 0 || len(s.loop.lost) > 0 {
		s.t.Errorf("%d callbacks have lost the loop and not returned", n)
	}
}

// serve is a goroutine that has the loop: the first one, or the successor of one that has lost it or
// was ended.
func (s *simulation) serve() {
	finished := false
	defer func() {
		switch {
		case finished || s.t.Failed():
			close(s.done)
		case !s.loop.Lost():
			go s.serve()
		}
	}()
	s.loop.Run(s.turns)
	finished = true
}

// turns takes steps to the end of all lives.
func (s *simulation) turns() {
	if l := s.at; l != nil {
		s.at = nil
		if s.loop.Succeeds() {
			l.d.Resume()
		} else { // a callback has ended the goroutine
			_ = l.c.Close(frame.InternalError, "")
			l.d.Attend()
		}
	}
	for ; s.opened < len(s.lives); s.opened++ {
		l := s.lives[s.opened]
		l.d.Open(Opening{Response: []byte("response"), Rest: l.release(s.rnd.IntN(100))})
		l.check()
	}
	for !s.over() {
		if s.steps++; s.steps > 200_000 {
			for i, l := range s.lives {
				s.t.Logf("life %d: state %v, closed %v, ended %d, pending %d", i, l.c.State(), l.closed, l.ended, l.c.Pending())
			}
			s.t.Fatal("the connections do not come to an end")
		}
		s.step(s.lives[s.rnd.IntN(len(s.lives))], s.steps > 500)
		if s.policy.config.Dispatch != OnLoop {
			runtime.Gosched()
		}
		if s.rnd.IntN(4) == 0 {
			s.loop.until = 0 // callbacks run on the loop again
		}
		s.loop.BeginTurn(s.rnd.IntN(8) == 0)
	}
}

// drive calls a Driver's method for a life that is not closed.
func (s *simulation) drive(l *life, call func(*Driver)) {
	if !l.closed {
		s.at = l
		call(l.d)
		s.at = nil
	}
}

// step does one thing at random to one life. Late in the simulation peers fall
// silent, time flies, and everything has to come to its end.
func (s *simulation) step(l *life, late bool) {
	switch n := s.rnd.IntN(20); {
	case n < 5:
		l.arrive(s.rnd.IntN(1 << s.rnd.IntN(14)))
	case n < 9:
		l.ready()
	case n < 12:
		n := s.rnd.IntN(1 << s.rnd.IntN(16))
		l.note(func(l *life) { l.room += n })
	case n < 13:
		s.drive(l, (*Driver).Writable) // nobody asked, or nothing was taken
	case n < 14:
		s.drive(l, (*Driver).Readable)
	case n < 16:
		l.program()
	case n < 17:
		s.elapse(time.Duration(s.rnd.IntN(500)) * time.Millisecond)
	default:
		s.attend()
	}
	if late {
		s.elapse(100 * time.Millisecond)
		time.Sleep(time.Duration(s.policy.config.Dispatch) * time.Microsecond) // let goroutines come along
	}
	l.check()
	if s.rnd.IntN(10) == 0 {
		s.attend()
		l.checkRest()
	}
}

func (s *simulation) elapse(d time.Duration) {
	s.loop.Now += d
	for _, l := range s.lives {
		if !l.closed && l.timer > 0 && l.timer <= s.loop.Now {
			l.timer = 0
			s.drive(l, (*Driver).Expire)
		}
	}
}

// attend does what was asked for, in any order.
func (s *simulation) attend() {
	for n := s.scheduled(); n > 0; n-- {
		s.mu.Lock()
		i := s.rnd.IntN(len(s.due))
		l := s.due[i]
		s.due = slices.Delete(s.due, i, i+1)
		s.mu.Unlock()
		s.at = l
		l.d.Attend()
		s.at = nil
	}
}

// scheduled is how many are to be attended to.
func (s *simulation) scheduled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.due)
}

func (s *simulation) over() bool {
	for _, l := range s.lives {
		l.mu.Lock()
		over := l.ended > 0
		l.mu.Unlock()
		if !over {
			return false
		}
	}
	return true
}

func (s *simulation) life(d *Driver) *life { return s.lives[d.ID()] }

// lifeOf is life for what any goroutine tells.
func (s *simulation) lifeOf(c *Conn) *life {
	return s.lives[slices.IndexFunc(s.lives, func(l *life) bool { return l.c == c })]
}

func (s *simulation) Schedule(c *Conn) {
	s.mu.Lock()
	s.due = append(s.due, s.lifeOf(c))
	s.mu.Unlock()
}
func (s *simulation) SetInterest(d *Driver, read, write bool) {
	s.life(d).read, s.life(d).write = read, write
}
func (s *simulation) SetTimer(c *Conn, after time.Duration) { s.lifeOf(c).timer = s.loop.Now + after }
func (s *simulation) Limited(*Driver)                       {}
func (s *simulation) Opened(c *Conn)                        { s.lifeOf(c).note(func(l *life) { l.opened++ }) }
func (s *simulation) Closed(d *Driver)                      { s.life(d).closed = true }
func (s *simulation) Ended(c *Conn)                         { s.lifeOf(c).note(func(l *life) { l.ended++ }) }

// script is what a peer sends: numbered messages, whole or in fragments, control
// frames between them, and at the end a Close frame, garbage or nothing.
func (l *life) script() {
	rnd := l.sim.rnd
	for range rnd.IntN(40) {
		if rnd.IntN(5) == 0 {
			l.wire = append(l.wire, peer(frame.Ping, true, fmt.Sprintf("%06d", len(l.wire)))...)
			continue
		}
		m := fmt.Sprintf("%06d", len(l.messages))
		if rnd.IntN(3) > 0 {
			m += string(bytes.Repeat([]byte{'a' + byte(len(l.messages)%26)}, rnd.IntN(1<<rnd.IntN(16))))
		}
		l.messages = append(l.messages, m)
		op, rest := frame.Text, m
		for rnd.IntN(3) == 0 && len(l.wire) > 0 {
			n := rnd.IntN(len(rest) + 1)
			l.wire = append(l.wire, peer(op, false, rest[:n])...)
			op, rest = frame.Continuation, rest[n:]
			if rnd.IntN(4) == 0 {
				l.wire = append(l.wire, peer(frame.Ping, true, fmt.Sprintf("%06d", len(l.wire)))...)
			}
		}
		l.wire = append(l.wire, peer(op, true, rest)...)
	}
	switch rnd.IntN(4) {
	case 0:
		l.wire = append(l.wire, 0xFF, 0xFF, 0xFF, 0xFF)
	case 1:
		l.wire = append(l.wire, peer(frame.Text, false, "unfinished")...)
	default:
		l.wire = append(l.wire, peerClose(frame.NormalClosure, "done")...)
	}
}

// callbacks are the life's: what they do depends on the message, not on the time.
func (l *life) callbacks(c *Conn) {
	c.OnClose(func(_ *Conn, info CloseInfo) { l.note(func(l *life) { l.infos = append(l.infos, info) }) })
	c.OnMessage(func(c *Conn, m Message) {
		l.received(string(m.Payload), true)
		l.react(c, m.Payload)
	})
	if l.streaming {
		c.OnStream(l.stream)
	}
}

// react does something after a message.
func (l *life) react(c *Conn, m []byte) {
	n := 0
	for _, b := range m[:min(len(m), 6)] {
		n = n*31 + int(b) + l.habit
	}
	switch n % 64 {
	case 0:
		panic("a callback that panics")
	case 1:
		if l.habit%2 == 0 {
			_ = c.Close(frame.GoingAway, "enough")
		} else {
			c.Abort()
		}
	case 2:
		if l.sim.policy.config.Dispatch != OnLoop {
			runtime.Goexit()
		}
	case 3, 4, 5:
		l.send(c, slices.Concat(m, m))
	case 6, 7:
		if l.streaming { // from now on whole, until told otherwise
			c.OnStream(nil)
		}
	case 8, 9:
		if l.streaming {
			c.OnStream(l.stream)
		}
	case 10, 11, 12:
		_ = c.Ping(nil)
	default:
		l.send(c, m)
	}
}

// stream reads a message in parts, and not always to its end.
func (l *life) stream(c *Conn, r *Reader) {
	var m []byte
	p := make([]byte, 1+l.habit*100)
	for {
		n, err := r.Read(p)
		m = append(m, p[:n]...)
		if err != nil {
			whole := err.Error() == "EOF"
			l.received(string(m), whole)
			if whole {
				l.react(c, m)
			}
			return
		}
		if len(m) > 20_000 {
			l.received(string(m), false)
			return
		}
	}
}

// program is what the program does of its own accord, from another goroutine as
// far as the connection can tell.
func (l *life) program() {
	rnd, c := l.sim.rnd, l.c
	switch n := rnd.IntN(100); {
	case n < 40:
		l.send(c, bytes.Repeat([]byte{'p'}, rnd.IntN(1<<rnd.IntN(16))))
	case n < 60:
		l.startWriter()
	case n < 80:
		l.continueWriter(bytes.Repeat([]byte{'w'}, rnd.IntN(1<<rnd.IntN(14))))
	case n < 95:
		l.finishWriter()
	case n < 96:
		_ = c.Close(3000, "")
	case n < 97 && !l.closed:
		l.d.Abort(nil)
	case n < 98:
		c.Abort()
	case n < 99:
		c.SetOverflow(policies[rnd.IntN(len(policies))])
	default:
		_ = c.Ping([]byte("ping"))
	}
}
