package memory

import (
	"log/slog"
	"testing"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/platform"
)

// manual is a platform on which work runs when the test says so.
type manual struct {
	platform.Real
	begun []func()
}

func (m *manual) Go(work func()) { m.begun = append(m.begun, work) }

// run runs what has been begun, and returns how much that was.
func (m *manual) run() (n int) {
	for len(m.begun) > 0 {
		work := m.begun[0]
		m.begun = m.begun[1:]
		n++
		work()
	}
	return n
}

// idle is a loop that no connection is on.
type idle struct{ open, unopened buffer.Pool }

func (l *idle) Pools() (open, unopened *buffer.Pool) { return &l.open, &l.unopened }
func (*idle) Ask(f func())                           { f() }
func (*idle) Holders() []Holder                      { return nil }
func (*idle) Shed(uint64) bool                       { return false }
func (*idle) ShedUnopened(int) int                   { return 0 }

// bounded is a budget for one loop.
func bounded(limit int64) (*Budget, *idle, *manual) {
	l, on, b := new(idle), new(manual), new(Budget)
	b.Init([]Loop{l}, Options{
		Limit: limit, Longest: 1 << 10, Platform: on, Stopping: make(chan struct{}), Logger: slog.New(slog.DiscardHandler),
	})
	return b, l, on
}

// Without pressure there is nothing that wakes anybody.
func TestBudget_IsIdleWithoutPressure(t *testing.T) {
	const budget = 1 << 20
	b, l, on := bounded(budget)
	for _, size := range []int{1 << 10, budget / 2, budget / 4} {
		lent := l.open.Get(size)
		if on.run() != 0 || b.Tight() || b.Full() {
			t.Errorf("%d bytes lent of %d are too many", size, budget)
		}
		lent.Release()
	}
}

// What is lent when it is full sets no mark: the next time it is full as early.
func TestBudget_IsNoticedEachTime(t *testing.T) {
	const budget = 1 << 20
	_, l, on := bounded(budget)
	for _, size := range []int{4 * budget, 2 * budget, budget, budget} {
		lent := l.open.Get(size)
		if len(on.begun) != 1 {
			t.Errorf("%d are at it with %d bytes lent of %d", len(on.begun), size, budget)
		}
		lent.Release()
		on.run()
	}
}

// However often the budget is passed, one goroutine closes connections.
func TestBudget_OneGoroutineSheds(t *testing.T) {
	const budget = 1 << 20
	b, l, on := bounded(budget)
	first, second := l.open.Get(budget), l.open.Get(budget)
	b.Check()
	if len(on.begun) != 1 {
		t.Errorf("%d goroutines", len(on.begun))
	}
	first.Release()
	second.Release()
	on.run()
}
