package topics

import (
	"context"
	"sync"
	"time"
)

// Bounds of asking a Recorder.
const (
	maxTries     = 4 // of a call that waits to join
	maxDoublings = 4 // how often the time for an answer doubles
)

// maxAskers is how many questions are put at once: of topics of which the last one was answered, and of others. A Recorder that never answers about
// some topics keeps few of the askers.
var maxAskers = [...]int{32, 8}

// asks are the topics of which the Recorder is asked.
type asks struct {
	mu     sync.Mutex
	queues [len(maxAskers)][]*topic // guarded by mu
	askers [len(maxAskers)]int      // guarded by mu: goroutines
	failed map[*topic]struct{}      // guarded by mu: asked again with the next tick
	open   map[*topic]struct{}      // guarded by mu: a question is put, or waits although the one before was not answered
	closed bool                     // guarded by mu
	count  uint64                   // guarded by mu: questions

	timer    *time.Timer // guarded by mu: looks whether the Recorder answers; nil: it is not asked
	watches  uint64      // guarded by mu: the number of the timer
	heard    time.Time   // guarded by mu: when a question from the first queue was last answered, or that queue began
	answered time.Time   // guarded by mu: when it last did, or was asked for the first time since it was not asked

	behind []behind // owned by the worker
}

// behind is a topic of which the Recorder is asked as soon as it has what the node published before.
type behind struct {
	topic *topic
	mark  uint64 // how many packets must have left the outbox
}

// askBehind has the Recorder asked about topics whose messages it has now. By the worker.
func (l *link) askBehind() {
	q := &l.asks
	if len(q.behind) == 0 {
		return
	}
	_, gone := l.outbox.marks()
	left := q.behind[:0]
	for _, b := range q.behind {
		if b.mark > gone || l.outbox.has(b.topic.name, b.mark) {
			left = append(left, b)
			continue
		}
		b.topic.mu.Lock()
		b.topic.across.sent = true
		b.topic.want()
		b.topic.mu.Unlock()
	}
	clear(q.behind[len(left):])
	q.behind = left
}

// catchUp has a topic get what it has missed. mu is held.
func (t *topic) catchUp() {
	t.across.gaps++
	t.want()
}

// want has the Recorder asked about a topic. mu is held.
func (t *topic) want() {
	a := t.across
	if !a.confirmed || !a.sent || t.gone.Load() {
		return
	}
	l := a.link
	q := &l.asks
	q.mu.Lock()
	defer q.mu.Unlock()
	if a.asked.IsZero() {
		a.asked = time.Now()
	}
	if a.late > 0 {
		q.opened(t)
	}
	if a.asking != 0 {
		return
	}
	q.count++
	a.asking = q.count
	if !q.closed && !a.queued {
		q.enqueue(l, t)
	}
}

// queueOf is the queue that a topic is to be in. mu is held.
func (a *across) queueOf() int { return min(a.late, len(maxAskers)-1) }

// enqueue has a topic be asked about. mu is held, and the topic's.
func (q *asks) enqueue(l *link, t *topic) {
	t.across.queued = true
	i := t.across.queueOf()
	q.queues[i] = append(q.queues[i], t)
	if i == 0 && q.askers[0] == 0 {
		q.heard = time.Now()
	}
	if q.askers[i] < maxAskers[i] {
		q.askers[i]++
		l.running.Add(1)
		go l.askAll(i)
	}
	q.watch(l)
}

// opened notes that a topic is to be looked at while others are answered. mu is held.
func (q *asks) opened(t *topic) {
	if q.open == nil {
		q.open = make(map[*topic]struct{})
	}
	q.open[t] = struct{}{}
}

// close ends the asking.
func (q *asks) close(l *link) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.open = true, nil
	clear(q.queues[:])
	q.watch(l)
}

// later has a topic asked about with the next tick.
func (q *asks) later(t *topic) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed == nil {
		q.failed = make(map[*topic]struct{})
	}
	q.failed[t] = struct{}{}
}

func (q *asks) tick(l *link) {
	q.mu.Lock()
	failed := q.failed
	q.failed = nil
	q.mu.Unlock()
	for t := range failed {
		t.mu.Lock()
		if t.isIncomplete() {
			t.want()
		}
		t.mu.Unlock()
	}
	q.mu.Lock()
	q.watch(l) // there may be nothing to ask any more
	q.mu.Unlock()
}

// isIncomplete reports whether there is something to ask. A topic that has gone on without an answer misses nothing: that the Recorder has not
// got to its position yet would be taken for a gap. mu is held.
func (t *topic) isIncomplete() bool {
	a := t.across
	return !a.isLive() || a.gaps > 0 || len(a.waiters) > 0 || a.fill != Position{}
}

// askAll asks until there is nothing to ask in a queue.
func (l *link) askAll(i int) {
	defer l.running.Done()
	q := &l.asks
	for {
		q.mu.Lock()
		queue := q.queues[i]
		if len(queue) == 0 {
			q.queues[i] = nil
			q.askers[i]--
			q.watch(l)
			q.mu.Unlock()
			return
		}
		t := queue[0]
		queue[0] = nil
		q.queues[i] = queue[1:]
		q.mu.Unlock()
		l.ask(t, i)
	}
}

// ask asks about one topic, from a queue.
func (l *link) ask(t *topic, queue int) {
	t.mu.Lock()
	a := t.across
	a.queued = false          // before enter: if there is no connection, the next one's question is not taken for this one
	if queue != a.queueOf() { // meanwhile it has gone on without an answer, or a late one has come
		q := &l.asks
		if q.mu.Lock(); !q.closed {
			q.enqueue(l, t)
		}
		q.mu.Unlock()
		t.mu.Unlock()
		return
	}
	ctx, up := l.uplink.enter()
	if up {
		defer l.uplink.leave()
	}
	if !up || a.asking == 0 { // linkLost ends the asking
		t.mu.Unlock()
		return
	}
	if a.late == 0 {
		a.asked = time.Now() // it may have waited for an asker
	}
	q := t.question()
	longest := l.hub.linking.longestAnswer()
	limited, end := context.WithTimeout(ctx, longest<<min(a.late, maxDoublings))
	t.mu.Unlock()
	defer end()
	l.asks.begin(t)
	missed, at, err := q.put(limited, l, t)
	if ctx.Err() != nil {
		l.asks.shut(t)
		return
	}
	if isAnswer(err) {
		l.asks.noteAnswer(t, queue)
	}
	t.mu.Lock()
	var waiters []waiter
	if isAnswer(err) {
		a.late = 0
	}
	if a.asking == q.number { // or the link was lost, and what is asked is another question
		if a.asking = 0; !isAnswer(err) {
			a.late++
		}
		waiters = l.answered(t, q, missed, at, err)
	}
	t.mu.Unlock()
	t.rejoin(waiters)
	if !isAnswer(err) {
		goOnOf(l, []*topic{t}, longest)
	}
}

// put asks the Recorder. If what the node has missed is not to be had, it asks for the last message, if newcomers get it: the one that
// the topic has is older.
func (q question) put(ctx context.Context, l *link, t *topic) (missed []Packet, at Position, err error) {
	most := limit(l.hub.MaxBacklog, DefaultMaxBacklog)
	missed, at, err = l.recorder.Since(ctx, t.name, t.keep, q.since, most)
	if err != ErrGap && err != ErrTooMuch {
		return missed, at, err
	}
	if !t.keep.Last || q.gaps == 0 || q.base == (Position{}) || q.since != q.base {
		return nil, at, err
	}
	switch last, now, failed := l.recorder.Since(ctx, t.name, t.keep, Position{}, most); failed {
	case nil:
		if now.Epoch == at.Epoch {
			missed = last
		}
	case ErrGap, ErrTooMuch: // newcomers get none
		missed = nil
	default:
		err = failed // it is asked again
	}
	return missed, at, err
}
