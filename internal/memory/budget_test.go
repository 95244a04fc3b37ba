package memory

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

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

// Await does not wait: a loop answers at once, or not at all.
func (*manual) Await(done, _ <-chan struct{}, _ time.Time) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
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
	l := new(idle)
	b, on := over(limit, l)
	return b, l, on
}

// over is a budget for loops.
func over(limit int64, loops ...Loop) (*Budget, *manual) {
	on, b := new(manual), new(Budget)
	b.Init(loops, Options{
		Limit: limit, Longest: 1 << 10, Platform: on, Stopping: make(chan struct{}), Logger: slog.New(slog.DiscardHandler),
	})
	return b, on
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

// closing is a loop with a connection that is being closed for its memory, and holds little.
type closing struct {
	idle
	shed int // how often the connection was to be closed again
}

func (*closing) Holders() []Holder  { return []Holder{{ID: 1, Bytes: 8 << 10, Shed: true}} }
func (l *closing) Shed(uint64) bool { l.shed++; return false }

// late is a loop that does not answer. It gives back what is short when it is asked for the last time.
type late struct {
	idle
	asked, last int
	short       *buffer.Buffer
}

func (l *late) Ask(func()) {
	if l.asked++; l.asked == l.last {
		l.short.Release()
	}
}

// A loop that does not answer may have what is short. Meanwhile connections of other loops that are closing
// already, and hold little, are not closed again: that would cut them.
func TestBudget_ThoseClosingAreSparedWhileALoopIsLate(t *testing.T) {
	const budget, rounds = 16 << 20, 3
	its, other := new(closing), &late{last: rounds + 1}
	b, on := over(budget, its, other)
	other.short = other.open.Get(budget)
	if on.run() != 1 || other.asked != rounds+1 || b.Full() {
		t.Fatalf("asked %d times", other.asked)
	}
	if its.shed != 0 {
		t.Errorf("closed again %d times", its.shed)
	}
}

// slow is a loop that closes its connection only when it is asked for the next thing.
type slow struct {
	idle
	short *buffer.Buffer // what the connection holds
	kept  func()
	asked int
}

func (l *slow) Ask(f func()) {
	switch l.asked++; l.asked {
	case 2:
		l.kept = f
		return
	case 3:
		l.kept()
	}
	f()
}

func (l *slow) Holders() []Holder {
	if l.short == nil {
		return nil
	}
	return []Holder{{ID: 1, Bytes: 1 << 20}}
}

func (l *slow) Shed(uint64) bool { l.short.Release(); l.short = nil; return true }

// A connection that a loop has closed late is in the log as well.
func TestBudget_TheLogHasWhatIsClosedLate(t *testing.T) {
	const budget = 1 << 20
	var log bytes.Buffer
	l := new(slow)
	b, on := over(budget, l)
	b.logger = slog.New(slog.NewTextHandler(&log, nil))
	l.short = l.open.Get(budget)
	if on.run() != 1 || l.asked != 3 || b.Full() {
		t.Fatalf("asked %d times", l.asked)
	}
	if n := strings.Count(log.String(), "connections=1 "); n != 1 {
		t.Errorf("%d lines in the log: %s", n, &log)
	}
}

// Half of the budget is not for loans that can be done without.
func TestBudget_HalfIsForWhatIsNeeded(t *testing.T) {
	const budget = 1 << 20
	_, l, _ := bounded(budget)
	expect := func(when string, want bool) {
		t.Helper()
		got := l.open.TryGet(1 << 10)
		if (got != nil) != want {
			t.Errorf("%s: the pool lends: %v, want %v", when, got != nil, want)
		}
		if got != nil {
			got.Release()
		}
	}
	expect("nothing is lent", true)
	request := l.unopened.Get(budget / 2)
	expect("half is lent to connections that are not open", false)
	request.Release()
	message := l.open.Get(budget / 2)
	expect("half is lent to open connections", false)
	message.Release()
	expect("all is given back", true)
}

// A connection that is being closed for its memory, and still holds as much, goes before another one is closed.
func TestSortHolders_TheClosingFirst(t *testing.T) {
	hs := []Holder{{ID: 1, Bytes: 5}, {ID: 2, Bytes: 7}, {ID: 3, Bytes: 7, Shed: true}, {ID: 4, Bytes: 7}, {ID: 5, Bytes: 9}, {ID: 6, Bytes: 5, Shed: true}}
	SortHolders(hs)
	if hs[0].ID != 5 || hs[1].ID != 3 || hs[4].ID != 6 || hs[5].ID != 1 {
		t.Errorf("sorted as %+v", hs)
	}
}
