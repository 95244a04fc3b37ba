package loop

import (
	"log/slog"
	"math"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/stacktrace"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// Options are what loops are made with.
type Options struct {
	// Platform is the system that the loops run on.
	Platform platform.Platform
	// Logger gets failures of loops, and slow callbacks.
	Logger *slog.Logger
	// CatchUp bounds how long a loop that was kept from its work gives tenants more time.
	CatchUp time.Duration
	// Cause is the error in CloseInfo of connections that Abort has cut.
	Cause error
	// Farewell is the reason in the Close frame that Drain sends.
	Farewell string
	// Short reports whether buffers are so short that no message must grow. Nil: never.
	Short func() bool
	// Callers are the functions that call the program on a loop besides package session's,
	// as stacks show them: the watchdog looks for them.
	Callers []string
	// Cut is closed when the loops must not wait for any connection any more. Nil: never.
	Cut <-chan struct{}
	// Adaptive is set if callbacks that hold a loop must lose it.
	Adaptive bool
	// SlowCallback is how long a callback may hold a loop. 0: there is no watchdog.
	SlowCallback time.Duration
}

// isShort reports whether buffers are so short that no message must grow.
func (o *Options) isShort() bool { return o.Short != nil && o.Short() }

// Loop is an event loop: a goroutine that owns its tenants, from the accepted descriptor to
// their close.
type Loop struct {
	// Number is the loop's place among those made with it.
	Number int

	options  *Options
	system   platform.Platform
	watchdog *Watchdog // nil for none
	monitor  *monitor  // nil for none
	inbox
	counters  counters
	done      chan struct{}
	goroutine atomic.Int64 // the number of the one that serves

	// Owned by the loop.
	timing
	slots
	clock    clock
	commands commands
	events   []poller.Event
	batch    batch
	current  *Tenant // whose callbacks may be running: see broken
	starved  bool    // a message had to wait for memory in this turn
}

// New makes loops that do not serve yet. If it fails it leaves nothing open.
func New(n int, o *Options) (all []*Loop, failed int, err error) {
	for i := range n {
		l, err := newLoop(i, o)
		if err != nil {
			for _, l := range all {
				_ = l.poll.Close()
			}
			return nil, i, err
		}
		all = append(all, l)
	}
	return all, 0, nil
}

func newLoop(number int, o *Options) (*Loop, error) {
	poll, err := o.Platform.NewPoller()
	if err != nil {
		return nil, err
	}
	l := &Loop{
		Number: number, options: o, system: o.Platform,
		done:     make(chan struct{}),
		events:   make([]poller.Event, EventsAtOnce),
		commands: commands{cause: o.Cause, code: frame.GoingAway},
	}
	l.poll = poll
	l.timers.init()
	l.conns = session.NewLoop((*host)(l))
	l.clock = clock{
		system: o.Platform, conns: l.conns, catchUp: catchUp{most: o.CatchUp},
		began: o.Platform.Now(), stride: strideMax,
	}
	if o.Platform.Simulated() {
		l.conns.Scheduler = o.Platform
	}
	l.conns.Short = l.short
	l.conns.Clock = l.clock.now
	l.conns.Succeed = l.succeed
	if o.Platform.Simulated() {
		l.conns.Chance = func() bool { return o.Platform.Uint64()%2 == 0 }
	}
	l.conns.Ask = l.Ask
	return l, nil
}

// Start has loops serve, each on a goroutine, and a watchdog look at them.
func Start(all []*Loop) {
	if len(all) == 0 {
		return
	}
	o := all[0].options
	if o.SlowCallback > 0 {
		w := newWatchdog(all, o)
		for _, l := range all {
			l.watchdog = w
		}
		go w.watch()
	}
	if o.Adaptive && !o.Platform.Simulated() {
		m := newMonitor(all)
		for _, l := range all {
			l.monitor = m
		}
		go m.watch()
	}
	for _, l := range all {
		o.Platform.Go(l.serve)
	}
}

// serve makes turns until the loop is commanded to end and its last tenant is gone.
func (l *Loop) serve() {
	finished := false
	defer func() {
		if !finished && !l.conns.Lost() { // a callback has called runtime.Goexit, as t.FailNow does
			l.system.Go(l.serve)
		}
	}()
	l.goroutine.Store(stacktrace.Number())
	l.conns.Run(l.turns)
	finished = true
	l.end()
}

// succeed starts a goroutine that takes the loop over from a callback. From any goroutine.
func (l *Loop) succeed() {
	l.goroutine.Store(0) // what is on the callback's stack is not the loop's any more
	l.system.Go(l.serve)
}

// turns turns until the loop may end.
func (l *Loop) turns() {
	if t := l.current; t != nil {
		l.current = nil
		if l.conns.Succeeds() {
			t.Resume()
		} else {
			l.broken(t)
		}
	}
	l.finishTurn()
	for !l.mayEnd() {
		if !l.turn() {
			l.commands.cause = ErrUnwatched
			l.apply(Abort)
		}
	}
}

// turn waits for something to do and does it. It returns false if the poller has failed.
func (l *Loop) turn() bool {
	until := l.deadline()
	l.conns.Sleeps(true)
	n, err := l.poll.Wait(l.events, until)
	l.conns.Sleeps(false)
	if err != nil {
		// Nothing a caller could mend: the descriptors are the loop's own.
		l.options.Logger.Error("framerail: event loop cannot wait; its connections are cut", "error", err)
		return false
	}
	worked := l.clock.waits - l.conns.Now
	l.clock.turned = l.conns.Now
	l.clock.turned += l.clock.tick(&l.busy)
	l.clock.awoke(worked)
	l.watchdog.awake()
	if l.options.Adaptive && l.conns.BeginTurn(l.options.isShort()) {
		l.monitor.awake()
	}
	look := l.clock.stride
	for i, ev := range l.events[:n] {
		if i == look {
			l.clock.pace(&l.busy)
			look += l.clock.stride
		}
		if t := l.Find(ev.Token); t != nil {
			l.ready(t, ev.Ready)
		}
	}
	l.inbox.take(&l.batch.entries)
	l.finishTurn()
	l.restIfShort()
	return true
}

// ready handles a tenant's readiness.
func (l *Loop) ready(t *Tenant, ready poller.Interest) {
	l.current = t
	if t.IsOpen() { // first, and without the table: it is each message's way
		readyOpen(t, ready)
	} else {
		l.Row(t).Ready(t, ready)
	}
	l.current = nil
}

// finishTurn works off the batch and the timers that have fired. It goes on where a callback broke off.
//
// Timers fire after connections were attended to, because that may set them anew. They are served
// before newcomers are admitted, because a newcomer may get the slot of a tenant that is gone.
func (l *Loop) finishTurn() {
	l.serveFired()
	l.attendDue()
	l.callAsked()

	l.timers.fire(l.conns.Now)
	l.serveFired()

	l.admitNewcomers()
	if c := max(l.batch.command, l.commands.now); c > l.commands.applied {
		l.apply(c)
	}
	l.current = nil
}

// serveFired serves the timers that have fired.
func (l *Loop) serveFired() {
	for l.timers.next < len(l.timers.fired) {
		id := l.timers.fired[l.timers.next]
		l.timers.next++
		if t := l.slots.at(int(id)); t != nil {
			l.Late(t)
		}
	}
	l.timers.fired, l.timers.next = l.timers.fired[:0], 0
}

// Late serves a tenant whose timer has fired.
func (l *Loop) Late(t *Tenant) {
	l.current = t
	switch {
	case t.pollFailed:
		t.Abort(ErrUnwatched)
	case l.waitsForOthers(t):
	default:
		l.Row(t).Late(t)
	}
	l.current = nil
}

// broken ends a tenant whose callback has ended the loop's goroutine.
func (l *Loop) broken(t *Tenant) {
	if t.IsOpen() || !l.IsGone(t) {
		l.Row(t).Broken(t)
	}
}

// deadline is when Wait must return. If there are entries, that is now. The loop announces its sleep
// before it looks for entries, so that none is overlooked.
func (l *Loop) deadline() time.Time {
	c := &l.clock
	now := c.now()
	l.busy.Store(asleep)
	l.inbox.mu.Lock()
	l.counters.turn(now, now-c.turned)
	l.publish()
	waiting := !l.inbox.entries.isEmpty(l.commands.now)
	l.inbox.mu.Unlock()
	c.waits, c.wakes = now, now
	if waiting {
		return c.began
	}
	due, ok := l.timers.due(l.conns.Now)
	if !ok {
		c.wakes = math.MaxInt64
		return time.Time{}
	}
	c.wakes = max(due, now)
	if due != c.due || c.dueAt.IsZero() { // mostly it is the same timer
		c.due, c.dueAt = due, c.began.Add(due)
	}
	return c.dueAt
}

// short reports whether messages must not grow, and notes that one would have.
func (l *Loop) short() bool {
	if !l.options.isShort() {
		return false
	}
	l.starved = true
	return true
}

// restIfShort rests if a message had to wait for memory, because the poller would report its socket
// again at once.
func (l *Loop) restIfShort() {
	if l.starved {
		l.starved = false
		l.system.Await(nil, l.options.Cut, l.system.Now().Add(shortPause))
	}
}

// Seat gives a tenant a slot, an owner, a phase and a transport. Call Allow and Watch next.
func (l *Loop) Seat(t *Tenant, owner OwnerID, p Phase, below transport.Transport, remote netip.AddrPort) {
	t.place = place(owner)<<phaseBits | place(p)
	t.Init(l.conns, l.owner(t).policy, l.slots.take(t), below, remote)
}

// Watch makes the poller report what comes from a new tenant.
func (l *Loop) Watch(t *Tenant) error { return l.poll.Add(t.FD(), poller.Read, t.Token()) }
