package topics

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// How long a call of a Recorder may take before members no longer wait for it. A lost segment is sent again after 200 ms, and again
// after 400 ms more (RFC 6298, with Linux's least RTO). So a second is no sign of a network that works.
const (
	longestPublish  = time.Second // and as long again for each MiB
	longestInterest = 2 * time.Second
	longestName     = 100 * time.Microsecond // longer for each name
)

// hang notices a Recorder that is connected and does not answer. Its topics are then as if it were away, until a call of
// the method that hung returns in time or without an error, or there is nothing left to call it for. Members of this node get each other's
// messages, with positions of the node's own. A broker that is no Recorder holds up no member.
type hang struct {
	is atomic.Bool // set under mu

	mu    sync.Mutex
	count uint64 // guarded by mu: calls
	now   uint64 // guarded by mu: the number of the present one, or 0
	by    string // guarded by mu: the method that hung
}

// call makes a call of the broker, and watches how long it takes. By the worker.
func (g *hang) call(ctx context.Context, l *link, method string, most time.Duration, f func(context.Context) error) error {
	if l.recorder == nil {
		return f(ctx)
	}
	if set := l.hub.linking.within.Load(); set > 0 {
		most = time.Duration(set)
	}
	g.mu.Lock()
	g.count++
	this := g.count
	g.now = this
	g.mu.Unlock()
	l.running.Add(1)
	timer := time.AfterFunc(most, func() {
		defer l.running.Done()
		g.begins(ctx, l, this, method)
	})
	err := f(ctx)
	inTime := timer.Stop()
	if inTime {
		l.running.Done()
	}
	g.mu.Lock()
	g.now = 0
	g.mu.Unlock()
	if ctx.Err() == nil && (err == nil || inTime) { // a refusal is an answer, too
		g.resume(l, method)
	}
	return err
}

// begins notes that a call takes too long.
func (g *hang) begins(ctx context.Context, l *link, call uint64, method string) {
	if g.note(ctx, l, call, method) {
		l.logger.Warn("framerail: the broker of topics does not answer; members of this node do not wait for it", "call", method)
	}
}

// note is begins without the log's line. It reports whether there is one: the call is not done yet.
func (g *hang) note(ctx context.Context, l *link, call uint64, method string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now != call || ctx.Err() != nil || g.is.Load() {
		return false
	}
	g.is.Store(true)
	g.by = method
	for _, t := range l.hub.allTopics() {
		if t.isRecorded() {
			l.linkLost(t)
		}
	}
	return true
}

// resume goes on with a Recorder that has answered to a method: topics are to catch up, as after a connection that was lost. By
// the worker.
func (g *hang) resume(l *link, method string) {
	if !g.is.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.is.Load() || g.by != method {
		return
	}
	g.is.Store(false)
	l.asks.behind = nil
	for _, t := range l.hub.allTopics() {
		if l.interest.on[t.name] && t.isRecorded() {
			l.confirm(t)
		}
	}
}

// end notes that the connection is gone, and with it what hung.
func (g *hang) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.is.Store(false)
}

// longestFor is how long the call that publishes a batch may take.
func longestFor(batch []Packet) time.Duration {
	bytes := 0
	for _, p := range batch {
		bytes += len(p.Data)
	}
	return longestPublish + longestPublish*time.Duration(bytes)/(1<<20)
}
