package session

import (
	"runtime"
	"testing"
)

// A call that waits succeeds, too, if a monitor is just taking the loop from its callback.
func TestRunsOnLoop_WaitsForAMonitorThatTakesTheLoop(t *testing.T) {
	for name, asks := range map[string]func() bool{"runs": RunsOnLoop, "stays": staysOnLoop} {
		t.Run(name, func(t *testing.T) { testMonitorThatTakesTheLoop(t, asks) })
	}
}

func testMonitorThatTakesTheLoop(t *testing.T, asks func() bool) {
	l := NewLoop(nil)
	l.Succeed = func() {}
	l.Run(func() {
		n := l.begin()
		begun := make(chan bool)
		go func() { // Relieve, slowly
			l.mu.Lock()
			defer l.mu.Unlock()
			l.holder.CompareAndSwap(n, 0)
			close(begun)
			for range 1000 {
				runtime.Gosched()
			}
			l.goroutine.Store(0)
		}()
		<-begun
		expect(t, "runs on a loop", asks(), false)
	})
	l.Run(func() { expect(t, "the successor does", asks(), true) })
}
