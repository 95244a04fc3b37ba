package topics

import (
	"testing"
	"time"
)

// Tests with many nodes do not wait for long.
func init() {
	firstPause, maxPause, tickEvery = 2*time.Millisecond, 10*time.Millisecond, 20*time.Millisecond
}

// RefusedFor is for how long a broker may refuse messages without a loss.
func RefusedFor() time.Duration { return refusedPauses * firstPause }

// PauseFor sets the pause behind a call that fails, until the test ends.
func PauseFor(t *testing.T, d time.Duration) {
	was := firstPause
	firstPause = d
	t.Cleanup(func() { firstPause = was })
}

// HangsAfter sets how long a call of a Recorder may take.
func (h *Topics) HangsAfter(d time.Duration) { h.linking.within.Store(int64(d)) }

// Hangs reports whether the Recorder hangs.
func (h *Topics) Hangs() bool { return h.link().hang.is.Load() }

// Away reports whether a topic knows that the broker is away.
func (h *Topics) Away(topic string) bool {
	t := h.named(topic)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.across.out
}

// IsIdle reports whether the worker calls the broker for nothing, and has nothing to call it for.
func (h *Topics) IsIdle() bool {
	l := h.link()
	l.hang.mu.Lock()
	defer l.hang.mu.Unlock()
	return l.hang.now == 0 && !l.outbox.waits()
}

// AnswersAfter sets how long a Recorder may answer no question, also if it is asked already.
func (h *Topics) AnswersAfter(d time.Duration) {
	h.linking.answered.Store(int64(d))
	l := h.link()
	q := &l.asks
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer == nil {
		return
	}
	if q.timer.Stop() {
		l.running.Done()
	}
	q.watchFor(l, d)
}

// Misses is how many gaps of a topic the Recorder is still to fill, or to answer about.
func (h *Topics) Misses(name string) int {
	t := h.lockIf(name)
	defer t.mu.Unlock()
	if t.across.asking != 0 {
		return t.across.gaps + 1
	}
	return t.across.gaps
}

// Waits reports what a topic waits for that the Recorder does not answer about: what members heard while it was away, or the next message.
func (h *Topics) Waits(name string) (returning, adrift bool) {
	t := h.lockIf(name)
	defer t.mu.Unlock()
	return t.across.returning, t.across.adrift
}

// ListensFor has interest in a topic, or in a pattern, be confirmed for so long.
func (h *Topics) ListensFor(name string, d time.Duration) {
	t := h.named(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.across.listening = time.Now().Add(-d)
}

// Listens reports whether the broker has confirmed interest in a topic, or in a pattern.
func (h *Topics) Listens(name string) bool {
	t := h.named(name)
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.across.confirmed
}
