package loop

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeLoop is a loop that a monitor watches in a test: what it is at is what the test says.
type fakeLoop struct {
	mu     sync.Mutex
	at     time.Time // zero: it sleeps
	lends  bool
	held   uint64
	lost   []uint64
	lostAt time.Time
	ended  atomic.Bool
}

func (l *fakeLoop) HasEnded() bool { return l.ended.Load() }

func (l *fakeLoop) since() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at, !l.at.IsZero() && l.lends
}

func (l *fakeLoop) Hold() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

func (l *fakeLoop) Relieve(n uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != n {
		return false
	}
	l.lost, l.lostAt, l.held = append(l.lost, n), time.Now(), 0
	return true
}

// awakes has the loop awake and call a callback; with 0 it calls none.
func (l *fakeLoop) awakes(m *monitor, callback uint64) {
	l.mu.Lock()
	l.at, l.held = time.Now(), callback
	lends := l.lends
	l.mu.Unlock()
	if lends {
		m.awake()
	}
}

func (l *fakeLoop) sleeps() {
	l.mu.Lock()
	l.at, l.held = time.Time{}, 0
	l.mu.Unlock()
}

func (l *fakeLoop) losses() (n int, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lost), l.lostAt
}

// watching is a test with a monitor of a loop that sleeps, in simulated time. The monitor sleeps, too.
func watching(t *testing.T, f func(t *testing.T, m *monitor, l *fakeLoop)) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLoop{lends: true}
		m := newMonitor(nil)
		m.loops, m.seen = []watched{l}, make([]uint64, 1)
		watched := make(chan bool)
		go func() { m.watch(); close(watched) }()
		time.Sleep(holdMost + 1)
		synctest.Wait()
		f(t, m, l)
		l.sleeps()
		l.ended.Store(true)
		m.awake()
		<-watched
	})
}

// A callback with which a loop awakes loses the loop after a millisecond, because the monitor looks when it is
// roused. Later ones lose it within two.
func TestMonitor_LooksWhenItIsRoused(t *testing.T) {
	watching(t, func(t *testing.T, m *monitor, l *fakeLoop) {
		began := time.Now()
		l.awakes(m, 1)
		time.Sleep(2*holdMost + 1)
		synctest.Wait()
		if n, at := l.losses(); n != 1 || at.Sub(began) != holdMost {
			t.Errorf("%d lost the loop, after %v", n, at.Sub(began))
		}
		time.Sleep(holdMost / 3)
		began = time.Now()
		l.awakes(m, 2)
		time.Sleep(2 * holdMost)
		synctest.Wait()
		if n, at := l.losses(); n != 2 || at.Sub(began) > 2*holdMost {
			t.Errorf("%d lost the loop, after %v", n, at.Sub(began))
		}
	})
}

// Callbacks that return keep the loop, however busy it is.
func TestMonitor_CallbacksThatReturnKeepTheLoop(t *testing.T) {
	watching(t, func(t *testing.T, m *monitor, l *fakeLoop) {
		for n := range uint64(100) {
			l.awakes(m, n+1)
			time.Sleep(holdMost * 3 / 4)
		}
		if n, _ := l.losses(); n != 0 {
			t.Errorf("%d lost the loop", n)
		}
	})
}

// If the monitor had no time since a turn began, one look is enough. If it had, or the turn is young,
// it is not.
func TestMonitor_ALateLookIsEnough(t *testing.T) {
	for _, c := range []struct {
		name        string
		looked, age time.Duration
		lost        int
	}{
		{"late", 10 * holdMost, 10 * holdMost, 1},
		{"just late", 2 * holdMost, 2 * holdMost, 1},
		{"a young turn", 10 * holdMost, 2*holdMost - 1, 0},
		{"a look in time", 2*holdMost - 1, 10 * holdMost, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Second)
				l := &fakeLoop{lends: true, held: 1, at: time.Now().Add(-c.age)}
				m := newMonitor(nil)
				m.loops, m.seen, m.looked = []watched{l}, make([]uint64, 1), time.Now().Add(-c.looked)
				m.look()
				if n, _ := l.losses(); n != c.lost {
					t.Errorf("%d lost the loop", n)
				}
			})
		})
	}
}

// Where loops seldom awake, and do not work for long, the monitor sets no timer. Where they awake all the time
// they do not wake the monitor each time.
func TestMonitor_SetsATimerOnlyForLoopsThatAreBusy(t *testing.T) {
	watching(t, func(t *testing.T, m *monitor, l *fakeLoop) {
		sleepsAgain := func() bool {
			l.mu.Lock()
			l.at = time.Time{}
			l.mu.Unlock()
			m.awake() // it sleeps before the monitor looks
			synctest.Wait()
			return m.idle.Load()
		}
		for range 10 {
			time.Sleep(2 * holdMost)
			if !sleepsAgain() {
				t.Fatal("a timer is set for a message now and then")
			}
		}
		time.Sleep(holdMost / 10)
		if sleepsAgain() {
			t.Error("a loop that awakes all the time wakes the monitor each time")
		}
		time.Sleep(holdMost)
		synctest.Wait()
		if !m.idle.Load() {
			t.Error("the monitor does not sleep")
		}
	})
}

// While no callback may run on a loop, its work does not keep the monitor awake.
func TestMonitor_SleepsWhileNoCallbackCanLoseALoop(t *testing.T) {
	watching(t, func(t *testing.T, m *monitor, l *fakeLoop) {
		l.awakes(m, 0)
		time.Sleep(10 * holdMost)
		synctest.Wait()
		if m.idle.Load() {
			t.Error("the monitor sleeps while the loop is busy")
		}
		l.mu.Lock()
		l.lends = false
		l.mu.Unlock()
		time.Sleep(2 * holdMost)
		for range 10 {
			l.awakes(m, 0)
			time.Sleep(holdMost)
			if !m.idle.Load() {
				t.Fatal("the monitor is awake while callbacks run on workers")
			}
		}
	})
}

// A loop that awakes just when the monitor goes to sleep is not overlooked, and its callback has its
// millisecond.
func TestMonitor_NoLoopIsOverlooked(t *testing.T) {
	watching(t, func(t *testing.T, m *monitor, l *fakeLoop) {
		for n := range uint64(200) {
			before, _ := l.losses()
			began := time.Now()
			l.awakes(m, n+1)
			time.Sleep(3 * holdMost)
			if lost, at := l.losses(); lost != before+1 || at.Sub(began) < holdMost || at.Sub(began) > 2*holdMost {
				t.Fatalf("%d lost the loop, the last after %v", lost-before, at.Sub(began))
			}
			l.sleeps()
			time.Sleep(time.Duration(n) * holdMost / 50)
		}
	})
}
