package topics

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// quietRecorder is a Recorder of one node, to which nothing comes. All topics are where they began.
type quietRecorder struct {
	connects chan struct{} // closed when there is a connection
	asked    chan string   // gets the topic of each question, if there is room
	silent   *atomic.Bool  // it does not answer
}

func newQuiet() quietRecorder {
	return quietRecorder{make(chan struct{}), make(chan string, 100), new(atomic.Bool)}
}

func (r quietRecorder) Run(ctx context.Context, n Node) error {
	select {
	case <-r.connects:
		n.Up()
		<-ctx.Done()
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (quietRecorder) Publish(_ context.Context, ms []Packet) (int, error) { return len(ms), nil }

func (quietRecorder) Interest(context.Context, []string, []string) error { return nil }

func (r quietRecorder) Since(ctx context.Context, topic string, _ History, _ Position, _ int) ([]Packet, Position, error) {
	select {
	case r.asked <- topic:
	default:
	}
	if r.silent.Load() {
		<-ctx.Done()
		return nil, Position{}, ctx.Err()
	}
	return nil, Position{Epoch: 1}, nil
}

// awaitThat waits until something is so.
func awaitThat(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: this does not happen", what)
		}
	}
}

// settled reports whether a topic has an answer of the Recorder, and waits for none.
func (t *topic) settled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.across
	return a.isLive() && a.gaps == 0 && a.asking == 0
}

// A question that a new connection begins is asked, although the one before it was not, for want of a connection, just then.
func TestAsks_ANewConnectionsQuestionIsAsked(t *testing.T) {
	r := newQuiet()
	h := &Topics{Broker: r, History: keep(History{Messages: 5})}
	defer h.Close()
	l := h.link()
	of := h.lock("a", false)
	of.across.queued = true
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.ask(of, 0)
	}()
	time.Sleep(20 * time.Millisecond) // mostly it waits for the topic by then
	close(r.connects)
	awaitThat(t, "a connection", l.uplink.isUp)
	of.across.confirmed, of.across.sent = true, true
	of.catchUp()
	of.mu.Unlock()
	<-done
	awaitThat(t, "a question", func() bool { return len(r.asked) > 0 })
}

// After a question that failed, the Recorder is asked again about a topic that misses something, and not about one that has gone on meanwhile.
func TestAsks_ATopicThatHasGoneOnIsNotAskedAbout(t *testing.T) {
	r := newQuiet()
	close(r.connects)
	h := &Topics{Broker: r, History: keep(History{Messages: 5})}
	defer h.Close()
	l := h.link()
	of := h.lock("a", false)
	of.mu.Unlock()
	awaitThat(t, "the Recorder's position", of.settled)
	q := &l.asks
	questions := func() uint64 {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.count
	}
	before := questions()
	q.later(of)
	q.tick(l)
	expect(t, "questions about a topic that misses nothing", questions()-before, 0)
	of.mu.Lock()
	of.across.gaps = 1
	of.mu.Unlock()
	q.later(of)
	q.tick(l)
	awaitThat(t, "a question about one that has a gap", func() bool { return questions() > before })
	awaitThat(t, "its answer", of.settled)
}

// A Recorder that has not answered one question for long has as long for another.
func TestAsks_EachQuestionHasItsTime(t *testing.T) {
	r := newQuiet()
	close(r.connects)
	h := &Topics{Broker: r, History: keep(History{Messages: 5}), Logger: quiet}
	defer h.Close()
	h.AnswersAfter(time.Hour)
	l := h.link()
	old, young := h.lock("old", false), h.lock("young", false)
	old.mu.Unlock()
	young.mu.Unlock()
	awaitThat(t, "the Recorder's positions", func() bool { return old.settled() && young.settled() })
	r.silent.Store(true)
	before := len(r.asked)
	old.gap()
	young.gap()
	awaitThat(t, "both questions", func() bool { return len(r.asked) >= before+2 })
	old.mu.Lock()
	old.across.asked = time.Now().Add(-2 * time.Hour)
	old.mu.Unlock()
	next := goOnOf(l, h.allTopics(), time.Hour)
	goesOn := func(of *topic) bool {
		of.mu.Lock()
		defer of.mu.Unlock()
		return of.across.adrift
	}
	expect(t, "the older one goes on", goesOn(old), true)
	expect(t, "the younger one goes on", goesOn(young), false)
	if next <= 0 || next > time.Hour {
		t.Errorf("the younger one goes on in %v", next)
	}
	young.mu.Lock()
	young.across.asked = time.Now().Add(-2 * time.Hour)
	young.mu.Unlock()
	goOnOf(l, h.allTopics(), time.Hour)
	expect(t, "the younger one goes on when it is as old", goesOn(young), true)
}

// A topic that nobody has any more is not asked about, however often the Recorder has failed.
func TestAsks_ATopicThatIsGoneIsForgotten(t *testing.T) {
	r := newQuiet()
	close(r.connects)
	h := &Topics{Broker: r, History: keep(History{Messages: 5})}
	defer h.Close()
	h.AnswersAfter(time.Hour)
	l := h.link()
	of := h.lock("a", false)
	of.mu.Unlock()
	awaitThat(t, "the Recorder's position", of.settled)
	before := len(r.asked)
	r.silent.Store(true)
	of.gap()
	awaitThat(t, "a question", func() bool { return len(r.asked) > before })
	of.mu.Lock()
	of.across.asking = 0 // it has failed
	u := of.rest()
	of.mu.Unlock()
	h.retire(of, u)
	q := &l.asks
	q.later(of)
	q.tick(l)
	q.mu.Lock()
	defer q.mu.Unlock()
	waits := 0
	for _, queue := range q.queues {
		waits += len(queue)
	}
	expect(t, "questions that wait", waits, 0)
	expect(t, "topics that are asked about again", len(q.failed), 0)
	of.mu.Lock()
	defer of.mu.Unlock()
	expect(t, "the question", of.across.asking, 0)
}

// A topic that was never answered about keeps no asker from others when the connection is lost. One that failed once begins anew.
func TestAsks_ALateTopicStaysLate(t *testing.T) {
	for late, want := range map[int]int{0: 0, 1: 0, 2: 1, 5: 1} {
		h := new(Topics)
		l := &link{hub: h}
		of := h.lock("a", false)
		of.across = &across{link: l, recorded: true, holding: holding{late: late}}
		of.mu.Unlock()
		l.linkLost(of)
		expect(t, "questions without an answer", of.across.late, want)
	}
}

// However soon the next topic has waited for long enough, there are few looks.
func TestAsks_LooksAreFew(t *testing.T) {
	expect(t, "long", lookAfter(time.Second, 2*time.Second), time.Second)
	expect(t, "short", lookAfter(1, 2*time.Second), 20*time.Millisecond)
	expect(t, "over", lookAfter(-time.Second, 64*time.Millisecond), time.Millisecond)
}

// A topic that waits behind others that the Recorder never answers about goes on without an answer. If others of its queue are answered, it waits for them.
func TestAsks_AQueueThatStands(t *testing.T) {
	for name, stands := range map[string]bool{"no question is answered": true, "others are": false} {
		t.Run(name, func(t *testing.T) {
			h := new(Topics)
			h.linking.answered.Store(int64(time.Hour))
			l := &link{hub: h, logger: quiet}
			q := &l.asks
			of := h.lock("a", false)
			now := time.Now()
			of.across = &across{link: l, recorded: true, synced: true, hearing: hearing{confirmed: true}, sent: true, gaps: 1, asking: 1, queued: true}
			of.across.asked = now.Add(-5 * time.Hour)
			of.mu.Unlock()
			q.queues[0] = []*topic{of}
			q.answered, q.heard = now, now
			if stands {
				q.heard = now.Add(-2 * time.Hour)
			}
			q.look(l, q.watches)
			expect(t, "a timer was stopped", q.timer.Stop(), true)
			expect(t, "it goes on", of.across.adrift, stands)
		})
	}
}
