package server

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/socket"
	"github.com/framerail/framerail/internal/wheel"
	"github.com/framerail/framerail/poller"
)

// loop is an event loop: a goroutine that owns its share of the connections, from
// the accepted descriptor to its close. It implements [conn.Host].
type loop struct {
	srv   *Server
	run   *running
	conns *conn.Loop
	poll  *poller.Poller

	// load is how many connections the loop has or has been given.
	load atomic.Int64
	// asleep is true while the loop may be waiting: mail must wake it.
	asleep atomic.Bool

	mu   sync.Mutex
	mail mail // guarded by mu
	done chan struct{}

	// Owned by the loop.
	clients slots
	timers  *wheel.Wheel
	expire  func(id int) // (*loop).expired, bound once
	began   time.Time
	yielded time.Duration // when others were last let run, by conns.Now
	events  []poller.Event
	read    mail // the mail being read; swapped with mail
	order   order
	greeter greeter
}

// mail is what other goroutines have for a loop.
type mail struct {
	arrived []arrival      // accepted connections
	due     []*conn.Driver // connections to attend to
	order   order
}

// order is what a loop is to do with its connections; a later one outranks an
// earlier one.
type order uint8

const (
	orderServe order = iota
	orderDrain       // close each with 1001, take no new ones
	orderAbort       // cut them
)

func newLoop(s *Server, r *running) (*loop, error) {
	poll, err := poller.New()
	if err != nil {
		return nil, err
	}
	l := &loop{
		srv: s, run: r, poll: poll,
		done:   make(chan struct{}),
		timers: wheel.New(0),
		began:  time.Now(),
		events: make([]poller.Event, eventsAtOnce),
	}
	l.expire = l.expired
	l.conns = conn.NewLoop(&r.config, l)
	l.greeter.init()
	return l, nil
}

// serve turns until it is told to stop and its last connection is gone.
func (l *loop) serve() {
	defer close(l.done)
	defer l.poll.Close()
	for l.order == orderServe || l.clients.used > 0 {
		n, err := l.poll.Wait(l.events, l.deadline())
		l.asleep.Store(false)
		if err != nil {
			// Nothing a caller could mend: the descriptors are the loop's own.
			l.run.logger.Error("framerail: event loop cannot wait; its connections are cut", "error", err)
			l.obey(orderAbort)
			return
		}
		l.tick()
		for _, ev := range l.events[:n] {
			if cl := l.clients.find(ev.Token); cl != nil {
				l.ready(cl, ev.Ready)
			}
		}
		l.readMail()
		l.timers.Advance(wheel.Tick(l.conns.Now/wheel.Resolution), l.expire)
	}
	l.refuseLate()
}

// tick notes the time, and lets others run if the loop has been busy for long. A
// loop that is never idle would otherwise keep its thread until it is preempted,
// 10 ms at a time.
func (l *loop) tick() {
	l.conns.Now = time.Since(l.began)
	if l.conns.Now-l.yielded >= yieldAfter {
		runtime.Gosched()
		l.conns.Now = time.Since(l.began)
		l.yielded = l.conns.Now
	}
}

// deadline is when Wait must return. With mail at hand that is now; announcing
// sleep before looking for mail sees to it that none is overlooked.
func (l *loop) deadline() time.Time {
	l.asleep.Store(true)
	l.mu.Lock()
	waiting := len(l.mail.arrived) > 0 || len(l.mail.due) > 0 || l.mail.order != l.order
	l.mu.Unlock()
	if waiting {
		return l.began
	}
	next, ok := l.timers.Next()
	if !ok {
		return time.Time{}
	}
	return l.began.Add(time.Duration(next) * wheel.Resolution)
}

// ready handles a client's readiness.
func (l *loop) ready(cl *client, ready poller.Interest) {
	if cl.phase != talking {
		l.greet(cl)
		return
	}
	gen := cl.gen
	if ready&poller.Write != 0 {
		cl.driver().Writable()
	}
	if ready&poller.Read != 0 && cl.State() != conn.Closed && cl.gen == gen {
		cl.driver().Readable()
	}
}

// deliver gives the loop an accepted connection. From any goroutine, as the next
// two.
func (l *loop) deliver(a arrival) {
	l.load.Add(1)
	l.mu.Lock()
	l.mail.arrived = append(l.mail.arrived, a)
	l.mu.Unlock()
	l.wake()
}

// command gives the loop an order.
func (l *loop) command(o order) {
	l.mu.Lock()
	l.mail.order = max(l.mail.order, o)
	l.mu.Unlock()
	l.wake()
}

// wake sees that the loop reads its mail soon. One that is awake will anyway.
func (l *loop) wake() {
	if l.asleep.Load() && l.asleep.CompareAndSwap(true, false) {
		_ = l.poll.Wake() // fails only once the loop has ended
	}
}

// readMail does what the mail says.
func (l *loop) readMail() {
	l.mu.Lock()
	l.mail, l.read = l.read, l.mail
	l.mail.order = l.read.order
	l.mu.Unlock()

	for i, d := range l.read.due {
		l.read.due[i] = nil
		d.Attend()
	}
	for i, a := range l.read.arrived {
		l.read.arrived[i] = arrival{}
		l.admit(a)
	}
	l.read.due, l.read.arrived = l.read.due[:0], l.read.arrived[:0]
	if l.read.order > l.order {
		l.obey(l.read.order)
	}
}

// refuseLate closes what was accepted too late to be admitted.
func (l *loop) refuseLate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.mail.arrived {
		_ = socket.Close(a.fd)
		l.load.Add(-1)
	}
	l.mail.arrived = nil
	l.mail.order = orderAbort
}

// Schedule implements conn.Host.
func (l *loop) Schedule(d *conn.Driver) {
	l.mu.Lock()
	l.mail.due = append(l.mail.due, d)
	l.mu.Unlock()
	l.wake()
}

// SetInterest implements conn.Host.
func (l *loop) SetInterest(d *conn.Driver, read, write bool) {
	interest := poller.None
	if read {
		interest |= poller.Read
	}
	if write {
		interest |= poller.Write
	}
	cl := l.clients.at(d.ID())
	if err := l.poll.Modify(cl.fd(), interest, cl.token()); err != nil {
		l.run.logger.Error("framerail: cannot watch a connection", "remote", cl.RemoteAddr(), "error", err)
		cl.doomed = true // it cannot be ended from in here: its timer does
		l.SetTimer(d, 0)
	}
}

// SetTimer implements conn.Host.
func (l *loop) SetTimer(d *conn.Driver, after time.Duration) {
	l.timers.Set(d.ID(), wheel.Ticks(l.conns.Now+after))
}

func (l *loop) expired(id int) {
	cl := l.clients.at(id)
	switch {
	case cl == nil:
	case cl.doomed:
		cl.driver().Abort(nil)
	case cl.phase == talking:
		cl.driver().Expire()
	default:
		l.greetingExpired(cl)
	}
}

// Opened implements conn.Host.
func (l *loop) Opened(d *conn.Driver) { l.srv.clients.add(clientOf(d)) }

// Closed implements conn.Host.
func (l *loop) Closed(d *conn.Driver) {
	cl := l.clients.at(d.ID())
	l.srv.clients.remove(cl)
	l.forget(cl)
}

// Ended implements conn.Host.
func (l *loop) Ended(*conn.Driver) { l.srv.sessions.end() }

// forget ends the loop's part in a client, whose descriptor is then closed or
// somebody else's.
func (l *loop) forget(cl *client) {
	_ = l.poll.Remove(cl.fd())
	id := cl.driver().ID()
	l.timers.Clear(id)
	l.clients.give(id)
	l.load.Add(-1)
}
