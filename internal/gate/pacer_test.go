package gate

import (
	"testing"
	"time"
)

func TestPacer_AllowsABurstAndThenTheRate(t *testing.T) {
	var p Pacer
	p.Init(100)
	now := time.Unix(1000, 0)
	for i := range 100 {
		if low := p.Low(now); low != (i > 50) {
			t.Errorf("after %d of 100 it is low: %v", i, low)
		}
		if !p.Take(now) {
			t.Fatalf("the %d. waits %v", i, p.Wait(now))
		}
	}
	for i := 1; i <= 5; i++ {
		if wait := p.Wait(now); p.Take(now) || wait != 10*time.Millisecond {
			t.Errorf("%d beyond the burst: waits %v", i, wait)
		}
		now = now.Add(10 * time.Millisecond)
		if wait := p.Wait(now); wait > 0 || !p.Take(now) {
			t.Errorf("%d beyond the burst, in its time: waits %v", i, wait)
		}
	}
	if wait := p.Wait(now.Add(time.Hour)); wait > 0 {
		t.Errorf("after an hour: waits %v", wait)
	}
	p = Pacer{}
	p.Init(-1)
	for range 1000 {
		if wait := p.Wait(now); !p.Take(now) || wait > 0 || p.Low(now) {
			t.Fatal("without a limit: waits", wait)
		}
	}
}

func TestPacer_WhatMayNotHappenCostsNothing(t *testing.T) {
	var p Pacer
	p.Init(100)
	now := time.Unix(1000, 0)
	allowed := func() (n int) {
		for range 1000 {
			if p.Take(now) {
				n++
			}
		}
		return n
	}
	for _, want := range []int{100, 0} {
		if n := allowed(); n != want {
			t.Errorf("%d at once, want %d", n, want)
		}
	}
	now = now.Add(50 * time.Millisecond)
	if n := allowed(); n != 5 {
		t.Errorf("%d in 50 ms at 100 a second", n)
	}
}
