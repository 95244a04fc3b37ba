package topics

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/sampler"
)

// link connects a Topics with its Broker. A goroutine of it runs the Broker. Another, the worker, gives it
// interest and messages. A few more ask a Recorder, while there is something to ask.
type link struct {
	hub      *Topics
	broker   Broker
	recorder Recorder // nil if the broker is none
	node     uint64   // the ID
	logger   *slog.Logger

	ctx     context.Context // ends with Close
	end     context.CancelFunc
	running sync.WaitGroup
	wake    chan struct{} // has the worker look

	uplink   uplink
	hang     hang
	interest interest
	outbox   outbox
	returns  allowance // of the node's own messages that a Recorder has not sent back
	held     allowance // of what came to topics that wait for an answer of it
	asks     asks
	heard    heard
	census   censuses
	counts   linkCounts
}

// uplink is the connection of the broker, as its Run reports it.
type uplink struct {
	mu    sync.Mutex
	idle  sync.Cond       // calls is 0
	ctx   context.Context // guarded by mu: ends with the connection; nil: there is none
	calls int             // guarded by mu: that are made of the broker now
	away  bool            // guarded by mu: a connection was lost, or could not be had, and there is none
	since time.Time       // guarded by mu: of the present state
	lost  uint64          // guarded by mu: connections
}

// linkCounts are counters behind Stats.
type linkCounts struct{ published, received, dropped, gaps, missed, foreign atomic.Uint64 }

// link is the Topics' link, which begins with the first call. nil: there is no Broker.
func (h *Topics) link() *link {
	if h.Broker == nil {
		return nil
	}
	h.linking.begin.Do(func() { h.linking.link = newLink(h) })
	return h.linking.link
}

// linking is what a Topics has for its link.
type linking struct {
	begin sync.Once
	link  *link

	// Set by tests, in nanoseconds. 0: as it is.
	within   atomic.Int64 // how long a call may take before the Recorder hangs
	answered atomic.Int64 // how long the Recorder may answer nothing; 0: within
}

func newLink(h *Topics) *link {
	l := &link{hub: h, broker: h.Broker, wake: make(chan struct{}, 1)}
	l.recorder, _ = h.Broker.(Recorder)
	var id [8]byte
	_, _ = crand.Read(id[:])
	l.node = binary.BigEndian.Uint64(id[:])
	l.logger = slog.New(sampler.New(cmp.Or(h.Logger, slog.Default()).Handler(), time.Now))
	l.ctx, l.end = context.WithCancel(context.Background())
	l.uplink.idle.L = &l.uplink.mu
	l.uplink.since = time.Now()
	l.outbox.most = limit(h.MaxOutbox, DefaultMaxOutbox)
	l.returns.most, l.held.most = int64(l.outbox.most), int64(limit(h.MaxBacklog, DefaultMaxBacklog))
	l.running.Add(2)
	go l.run()
	go l.work()
	return l
}

// Close ends the connection to the Broker, and waits until all goroutines that served it are gone. What is on
// its way to other nodes gets a second for that. Without a Broker it only ends the timer that looks for what is older than
// [History].Age. Topics that are closed go on for their own members, and look for that when one of them loses its last member.
func (h *Topics) Close() {
	h.aging.close()
	l := h.link()
	if l == nil {
		return
	}
	l.leaveCensus()
	for deadline := time.Now().Add(time.Second); l.uplink.isUp() && l.outbox.waits() && time.Now().Before(deadline); {
		l.rouse()
		time.Sleep(time.Millisecond)
	}
	l.end()
	l.asks.close(l)
	l.running.Wait()
}

// rouse has the worker look.
func (l *link) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run runs the Broker, again and again, until Close: a pause may end together with it.
func (l *link) run() {
	defer l.running.Done()
	for tries := 0; l.ctx.Err() == nil; tries++ {
		ctx, end := context.WithCancel(l.ctx)
		n := &node{link: l, ctx: ctx}
		began := time.Now()
		err := l.broker.Run(ctx, n)
		n.over.Store(true)
		end()
		if l.down(err) && time.Since(began) > longestPause(tries) { // or each connection ends as soon as it is there
			tries = 0
		}
		pause := time.NewTimer(backOff(tries))
		select {
		case <-l.ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// tickEvery is how often the worker looks at what is due. Tests shorten it.
var tickEvery = time.Second

// The bounds of the pause between two connections. Tests shorten them.
var (
	firstPause = 100 * time.Millisecond
	maxPause   = 15 * time.Second
)

// backOff is a random pause, with full jitter: from nothing up to a bound that doubles.
func backOff(tries int) time.Duration { return rand.N(longestPause(tries)) }

func longestPause(tries int) time.Duration { return min(firstPause<<min(tries, 10), maxPause) }

// down notes that a connection is gone, or could not be had. It waits for calls that still run, and reports
// whether there was one.
func (l *link) down(err error) (wasUp bool) {
	u := &l.uplink
	u.mu.Lock()
	wasUp = u.ctx != nil
	first := !u.away
	u.ctx, u.away = nil, true
	if wasUp || first {
		u.since = time.Now()
	}
	for u.calls > 0 {
		u.idle.Wait()
	}
	if wasUp {
		u.lost++
	}
	u.mu.Unlock()
	l.hang.end()
	if !first {
		return wasUp
	}
	if l.ctx.Err() == nil {
		l.logger.Warn("framerail: topics have no broker", "error", err)
	}
	for _, t := range l.hub.allTopics() {
		l.linkLost(t)
	}
	return wasUp
}

// maxConnecting is how long topics wait for the first connection.
const maxConnecting = 3 * time.Second

// beginAway takes the broker to be away if the first connection takes too long.
func (l *link) beginAway(now time.Time) {
	u := &l.uplink
	u.mu.Lock()
	late := u.ctx == nil && !u.away && now.Sub(u.since) > maxConnecting
	u.away = u.away || late
	u.mu.Unlock()
	if late {
		for _, t := range l.hub.allTopics() {
			l.linkLost(t)
		}
	}
}

// enter begins a call of the broker, while it is connected. The caller must call leave then.
func (u *uplink) enter() (context.Context, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ctx == nil {
		return nil, false
	}
	u.calls++
	return u.ctx, true
}

func (u *uplink) leave() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.calls--; u.calls == 0 {
		u.idle.Broadcast()
	}
}

func (u *uplink) isUp() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.ctx != nil
}

func (u *uplink) isAway() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.away
}

// work gives the broker interest and messages.
func (l *link) work() {
	defer l.running.Done()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for served := context.Context(nil); ; {
		select {
		case <-l.ctx.Done():
			return
		case <-l.wake:
		case now := <-tick.C:
			l.tick(now)
		}
		ctx, up := l.uplink.enter()
		if !up {
			continue
		}
		if ctx != served {
			served, l.asks.behind = ctx, nil
			l.interest.renew(l.hub)
			l.outbox.renew()
		}
		err := l.serve(ctx, tick.C)
		l.uplink.leave()
		if err != nil {
			l.failed(ctx, err)
		}
	}
}

// serve gives the broker what waits for it. Interest is given before messages that were published after it was
// noted, so that a publisher's own members have no gap. If it is refused, messages do not wait for it, and it is given again after a pause.
// It returns when nothing waits, which may be never. So it does what is due itself.
func (l *link) serve(ctx context.Context, due <-chan time.Time) error {
	var refused error // the last call of giveInterest
	for at := time.Now(); ; {
		select {
		case now := <-due:
			l.tick(now)
		default:
		}
		for _, lost := range l.outbox.giveUp(time.Now()) {
			missOwn(l, lost)
		}
		batch := l.outbox.peek()
		if refused == nil || time.Since(at) > firstPause {
			if refused = l.giveInterest(ctx); refused == nil {
				l.hang.resume(l, "Interest") // all that there was is given
			}
			at = time.Now()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !l.outbox.waits() {
			l.hang.resume(l, "Publish") // what hung is lost, and nothing waits that could show more
		}
		l.askBehind()
		if len(batch) == 0 {
			l.outbox.rouseLater(l)
			return refused
		}
		taken := 0
		err := l.hang.call(ctx, l, "Publish", longestFor(batch), func(ctx context.Context) (err error) {
			taken, err = l.broker.Publish(ctx, batch)
			return err
		})
		lost, more := l.outbox.remove(taken, err != nil, l.interest.isAbsent() || ctx.Err() != nil)
		for _, p := range lost {
			missOwn(l, p)
		}
		l.counts.published.Add(uint64(taken))
		if err != nil && !more {
			return err
		}
		if err != nil {
			l.logger.Warn("framerail: the broker of topics refuses a message", "error", err)
		}
	}
}

// failed waits a little after a call that failed, or until the connection is gone.
func (l *link) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	l.logger.Warn("framerail: the broker of topics fails", "error", err)
	select {
	case <-ctx.Done():
	case <-time.After(firstPause):
	}
	l.rouse()
}

// tick does what is due every second.
func (l *link) tick(now time.Time) {
	l.beginAway(now)
	l.interest.tick()
	l.outbox.repeat(l, now)
	tickReturns(l, now)
	l.heard.tick(now)
	l.asks.tick(l)
	l.tickCensus(now)
}
