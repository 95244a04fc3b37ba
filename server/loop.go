package server

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/wheel"
	"github.com/framerail/framerail/poller"
)

// loop is an event loop: a goroutine that owns its share of the connections, from
// the accepted descriptor to its close. It implements [session.Host].
type loop struct {
	srv    *Server
	run    *running
	number int // among the server's loops
	conns  *session.Loop
	poll   platform.Poller

	// load is how many connections the loop has or has been given.
	load atomic.Int64
	// busy is when the loop was last seen to get on, by conns.Now: at each turn and
	// each look at the clock. It is asleep while the loop may be waiting: mail must
	// wake it, and the watchdog is not interested.
	busy atomic.Int64
	// aborted is how many connections an order has cut.
	aborted atomic.Int64

	mu    sync.Mutex
	mail  mail // guarded by mu
	ended bool // guarded by mu: nobody reads the mail any more
	done  chan struct{}

	goroutine atomic.Int64 // the number of the one that serves

	// Owned by the loop.
	clients    slots
	timers     *wheel.Wheel
	note       func(id int) // (*loop).noteExpired, bound once
	began      time.Time
	turned     time.Duration // when this turn began
	yielded    time.Duration // when others were last let run, by conns.Now
	waits      time.Duration // when it last began to wait, and when it was to end that
	wakes      time.Duration
	caughtUp   time.Duration // when it has caught up, having been away: see late.go
	mayCatchUp time.Duration
	stride     int  // connections served between two looks at the clock
	starved    bool // a message had to wait for the budget in this turn
	events     []poller.Event
	order      order
	told       order // the order that every client has been told
	cause      error // of cutting connections, for their close callbacks
	greeter    greeter
	shaking    shaking
	inquiring  inquiring
	tally      tally

	rows *rows

	// What the loop is about, kept here so that a turn that a callback breaks off
	// can be finished: see broken.
	current  *client // whose callbacks may be running
	read     mail    // the mail being read; swapped with mail
	admitted int     // the next of read.arrived
	attend   int     // the next of read.due
	asked    int     // the next of read.asked
	expired  []int32 // the clients whose timers have fired
	expire   int     // the next of expired
}

// What busy is when it is no time.
const (
	asleep = 0
	woken  = -1
)

func newLoop(s *Server, r *running) (*loop, error) {
	poll, err := r.kernel.NewPoller()
	if err != nil {
		return nil, err
	}
	l := &loop{
		srv: s, run: r, poll: poll,
		done:   make(chan struct{}),
		timers: wheel.New(0),
		began:  r.kernel.Now(),
		stride: strideMax,
		cause:  ErrServerClosed,
		events: make([]poller.Event, eventsAtOnce),
	}
	l.note = l.noteExpired
	l.rows = newRows(l)
	l.conns = session.NewLoop(&r.config, l)
	l.conns.Scheduler = r.kernel
	l.conns.Short = l.short
	l.conns.Clock = func() time.Duration { return r.kernel.Since(l.began) }
	l.greeter.init()
	return l, nil
}

// serve turns until it is told to stop and its last connection is gone.
func (l *loop) serve() {
	finished := false
	defer func() {
		if !finished { // a callback has called runtime.Goexit, as t.FailNow does
			l.run.kernel.Go(l.serve)
		}
	}()
	l.goroutine.Store(goroutineID())
	l.conns.Run(l.turns)
	finished = true
	l.end()
}

// turns turns until the loop may end.
func (l *loop) turns() {
	if l.current != nil {
		l.broken(l.current)
	}
	l.finishTurn()
	for !l.mayEnd() {
		if !l.turn() {
			l.cause = errUnwatched
			l.obey(orderAbort)
		}
	}
}

// turn waits for something to do and does it. It returns false if nothing can be
// waited for any more.
func (l *loop) turn() bool {
	until := l.deadline()
	l.conns.Sleeps(true)
	n, err := l.poll.Wait(l.events, until)
	l.conns.Sleeps(false)
	if err != nil {
		// Nothing a caller could mend: the descriptors are the loop's own.
		l.run.logger.Error("framerail: event loop cannot wait; its connections are cut", "error", err)
		return false
	}
	worked := l.waits - l.conns.Now
	l.turned = l.conns.Now
	l.turned += l.tick()
	l.awoke(worked)
	l.run.watchdog.awake()
	look := l.stride
	for i, ev := range l.events[:n] {
		if i == look {
			l.pace()
			look += l.stride
		}
		if cl := l.clients.find(ev.Token); cl != nil {
			l.ready(cl, ev.Ready)
		}
	}
	l.takeMail()
	l.finishTurn()
	l.restIfShort()
	return true
}

// finishTurn does what the mail says and what falls to clients whose timers have
// fired. It takes up what a callback broke off.
//
// Timers fire after connections were attended to, which may set them anew, and are
// served before arrivals are admitted, which may get the slot of one that is gone.
func (l *loop) finishTurn() {
	l.serveExpired()
	for l.attend < len(l.read.due) {
		l.current = l.read.due[l.attend]
		l.read.due[l.attend] = nil
		l.attend++
		l.current.driver().Attend()
	}
	l.read.due, l.attend = l.read.due[:0], 0
	l.answerAsked()

	l.timers.Advance(wheel.Tick(l.conns.Now/wheel.Resolution), timersAtOnce, l.note)
	l.serveExpired()

	for l.admitted < len(l.read.arrived) {
		a := l.read.arrived[l.admitted]
		l.read.arrived[l.admitted] = arrival{}
		l.admitted++
		l.admit(a)
	}
	l.read.arrived, l.admitted = l.read.arrived[:0], 0
	if o := max(l.read.order, l.order); o > l.told {
		l.obey(o)
	}
	l.current = nil
}

// serveExpired does what falls to clients whose timers have fired.
func (l *loop) serveExpired() {
	for l.expire < len(l.expired) {
		id := l.expired[l.expire]
		l.expire++
		if cl := l.clients.at(int(id)); cl != nil {
			l.late(cl)
		}
	}
	l.expired, l.expire = l.expired[:0], 0
}

// broken ends a connection whose callback took the loop's goroutine with it.
func (l *loop) broken(cl *client) {
	l.current = nil
	if cl.phase == phaseOpen || !l.isGone(cl) {
		l.row(cl).broken(cl)
	}
}

// tick notes the time, and lets others run if the loop has been busy for long. A
// loop that is never idle would otherwise keep its thread until it is preempted,
// 10 ms at a time. It returns how long it is since the last one.
func (l *loop) tick() (since time.Duration) {
	now := l.run.kernel.Since(l.began)
	since = now - l.conns.Now
	if now-l.yielded >= yieldAfter {
		l.run.kernel.Yield()
		now = l.run.kernel.Since(l.began)
		l.yielded = now
	}
	l.conns.Now = now
	l.busy.Store(int64(now))
	return since
}

// pace is tick in the middle of a turn. Looking at the clock costs a hundredth of
// what a short message does, and a connection that sends thousands of them at once
// takes a millisecond: how many are served in between is found by trying.
func (l *loop) pace() {
	before := l.conns.Now
	since := l.tick()
	l.away(l.conns.Now - before)
	if since > yieldAfter {
		l.stride = max(l.stride/2, 1)
	} else {
		l.stride = min(2*l.stride, strideMax)
	}
}

// deadline is when Wait must return. With mail at hand that is now; announcing
// sleep before looking for mail sees to it that none is overlooked.
func (l *loop) deadline() time.Time {
	now := l.run.kernel.Since(l.began)
	l.busy.Store(asleep)
	l.mu.Lock()
	l.tally.turn(now, now-l.turned)
	l.publish()
	waiting := len(l.mail.arrived) > 0 || len(l.mail.due) > 0 || len(l.mail.asked) > 0 || l.mail.order > l.order
	l.mu.Unlock()
	l.waits, l.wakes = now, now
	if waiting {
		return l.began
	}
	next, ok := l.timers.Next()
	if !ok {
		l.wakes = math.MaxInt64
		return time.Time{}
	}
	// Ticks wrap; as seen from now they do not.
	tick := l.conns.Now.Truncate(wheel.Resolution)
	ahead := int32(next - wheel.Tick(tick/wheel.Resolution))
	due := tick + time.Duration(ahead)*wheel.Resolution
	l.wakes = max(due, now)
	return l.began.Add(due)
}

// ready handles a client's readiness.
func (l *loop) ready(cl *client, ready poller.Interest) {
	l.current = cl
	if cl.phase == phaseOpen { // first, and without the table: it is each message's way
		l.readyOpen(cl, ready)
	} else {
		l.row(cl).ready(cl, ready)
	}
	l.current = nil
}

// noteExpired notes that a client's timer has fired: what falls to it may run
// callbacks, in the midst of which the wheel must not be.
func (l *loop) noteExpired(id int) { l.expired = append(l.expired, int32(id)) }

// late does what falls to a client whose timer has fired.
func (l *loop) late(cl *client) {
	l.current = cl
	switch {
	case cl.pollFailed:
		cl.driver().Abort(errUnwatched)
	case l.waitsForOthers(cl):
	default:
		l.row(cl).late(cl)
	}
}
