package session

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// resting is how many workers wait for work.
func (p *workers) resting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// check fails the test if work waits and no worker is on its way to it.
func (p *workers) check(t *testing.T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.ready.waiting(); n > 0 && !p.scouting {
		t.Errorf("%d wait, and there is no scout", n)
	}
	if p.least > len(p.idle) || len(p.idle) > idleWorkers || len(p.idle) > 0 && !p.timed && !p.ended {
		t.Errorf("%d are idle, at least %d; a timer is set: %v", len(p.idle), p.least, p.timed)
	}
}

// However many callbacks block, others run.
func TestWorkers_WorkThatBlocksHasAWorkerEach(t *testing.T) {
	var p workers
	defer p.end()
	const blocked = 2 * idleWorkers
	gate, in := make(chan bool), make(chan bool)
	for range blocked {
		p.add(func() { in <- true; <-gate })
	}
	for range blocked {
		<-in
	}
	p.add(func() { close(gate) })
	<-gate
}

// Work runs once each, however many workers there are for it. Whose turn comes first among those that
// have taken some is the scheduler's.
func TestWorkers_RunEachOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that a worker is seldom interrupted
	var p workers
	defer p.end()
	const n = 1000
	var ran [n]atomic.Int32
	var left sync.WaitGroup
	left.Add(n)
	p.add(func() {
		for i := range n {
			p.add(func() { ran[i].Add(1); left.Done() })
		}
	})
	left.Wait()
	for i := range ran {
		if times := ran[i].Load(); times != 1 {
			t.Errorf("work %d ran %d times", i, times)
		}
	}
	if r := p.resting(); r > n/20 {
		t.Errorf("it took %d workers", r)
	}
}

// What callbacks of a moment have needed does not stay.
func TestWorkers_EndWithoutWork(t *testing.T) {
	t.Run("after_a_while", inBubble(func(t *testing.T) {
		var p workers
		gate := make(chan bool)
		for range idleWorkers + 50 {
			p.add(func() { <-gate })
		}
		synctest.Wait()
		close(gate)
		synctest.Wait()
		expect(t, "workers that wait", p.resting(), idleWorkers)
		for range 10 { // one is enough from now on
			time.Sleep(workerRest / 2)
			p.add(func() {})
			synctest.Wait()
			p.check(t)
		}
		expect(t, "workers that wait", p.resting(), 1)
		time.Sleep(2 * workerRest)
		synctest.Wait()
		expect(t, "workers that wait", p.resting(), 0)
		ran := false
		p.add(func() { ran = true })
		synctest.Wait()
		expect(t, "ran later", ran, true)
		time.Sleep(2 * workerRest) // so that none is left in the bubble
	}))
	t.Run("when_the_loop_has_ended", inBubble(func(t *testing.T) {
		var p workers
		gate := make(chan bool)
		p.add(func() {})
		for range 10 {
			p.add(func() { <-gate })
		}
		synctest.Wait()
		p.end()
		ran := false
		p.add(func() { ran = true })
		synctest.Wait()
		expect(t, "ran later", ran, true)
		expect(t, "workers that wait", p.resting(), 0)
		close(gate) // a bubble that goroutines do not leave fails
	}))
}

// Work that ends its goroutine takes no other along.
func TestWorkers_OutliveGoexit(t *testing.T) {
	var p workers
	defer p.end()
	done := make(chan bool)
	for range 100 {
		p.add(func() { defer func() { done <- true }(); runtime.Goexit() })
		p.add(func() { done <- true })
	}
	for range 200 {
		<-done
	}
	p.check(t)
}

// Work comes from many goroutines at once, blocks, ends its goroutine, and brings more; the pool
// ends at any moment.
func TestWorkers_LoseNothing(t *testing.T) {
	for seed := range 20 {
		var p workers
		var ran atomic.Int64
		var all, sources sync.WaitGroup
		const each, from = 200, 4
		all.Add(2 * each * from)
		for source := range from {
			rnd := rand.New(rand.NewPCG(uint64(seed), uint64(source)))
			sources.Go(func() {
				for i := range each {
					how := rnd.IntN(8)
					p.add(func() {
						ran.Add(1)
						p.add(func() { ran.Add(1); all.Done() })
						defer all.Done()
						switch how {
						case 0:
							runtime.Goexit()
						case 1:
							time.Sleep(time.Microsecond)
						case 2:
							runtime.Gosched()
						}
					})
					if p.check(t); source == 0 && i == each*seed/20 {
						p.end()
					}
				}
			})
		}
		sources.Wait()
		all.Wait()
		p.check(t)
		if n := ran.Load(); n != 2*each*from {
			t.Fatalf("%d ran", n)
		}
		p.end()
	}
}
