package topics

import (
	"context"
	"sync"
	"time"
)

// Bounds of asking a Recorder.
const (
	maxAskers = 32
	maxTries  = 4 // of one that waits to join
)

// asks are the topics of which the Recorder is asked.
type asks struct {
	mu     sync.Mutex
	queue  []*topic            // guarded by mu
	askers int                 // guarded by mu: goroutines
	failed map[*topic]struct{} // guarded by mu: asked again with the next tick
	closed bool                // guarded by mu
	count  uint64              // guarded by mu: questions

	timer    *time.Timer // guarded by mu: looks whether the Recorder answers; nil: it is not asked
	watches  uint64      // guarded by mu: the number of the timer
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
		if b.mark > gone {
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
	if a.asking != 0 || !a.confirmed || !a.sent {
		return
	}
	l := a.link
	q := &l.asks
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count++
	a.asking = q.count
	if a.asked.IsZero() {
		a.asked = time.Now()
	}
	if q.closed || a.queued {
		return
	}
	a.queued = true
	q.queue = append(q.queue, t)
	if q.askers < maxAskers {
		q.askers++
		l.running.Add(1)
		go l.askAll()
	}
	q.watch(l)
}

// close ends the asking.
func (q *asks) close(l *link) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.queue = true, nil
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

// askAll asks until there is nothing to ask.
func (l *link) askAll() {
	defer l.running.Done()
	q := &l.asks
	for {
		q.mu.Lock()
		if len(q.queue) == 0 {
			q.queue = nil
			q.askers--
			q.watch(l)
			q.mu.Unlock()
			return
		}
		t := q.queue[0]
		q.queue[0] = nil
		q.queue = q.queue[1:]
		q.mu.Unlock()
		l.ask(t)
	}
}

// ask asks about one topic.
func (l *link) ask(t *topic) {
	t.mu.Lock()
	a := t.across
	a.queued = false // before enter: if there is no connection, the next one's question is not taken for this one
	ctx, up := l.uplink.enter()
	if up {
		defer l.uplink.leave()
	}
	if !up || a.asking == 0 { // linkLost ends the asking
		t.mu.Unlock()
		return
	}
	q := t.question()
	t.mu.Unlock()
	missed, at, err := q.put(ctx, l, t)
	if ctx.Err() != nil {
		return
	}
	if isAnswer(err) {
		l.asks.noteAnswer()
	}
	t.mu.Lock()
	var waiters []waiter
	if a.asking == q.number { // or the link was lost, and what is asked is another question
		a.asking = 0
		waiters = l.answered(t, q, missed, at, err)
	}
	t.mu.Unlock()
	t.rejoin(waiters)
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
