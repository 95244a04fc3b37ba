//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
)

// errMissed is what a bar that does not hold returns. Any other error means that
// it could not be tried.
var errMissed = errors.New("the bar was missed")

// errFigures is the errMissed of a bar of which nothing but figures was missed: other work of the machine may spoil those.
var errFigures = fmt.Errorf("%w by its figures", errMissed)

// scale is what all bars have in common.
type scale struct {
	Short bool `help:"A short form, of seconds."`
	Break bool `hidden:"" help:"Take the protection away; the bar must then be missed."`
}

// dispatches are the ways in which callbacks run. What goes through callbacks holds a bar with each; a run that is broken
// misses it with the first.
func (s scale) dispatches() []conn.Dispatch {
	all := []conn.Dispatch{conn.OnLoop, conn.OnGoroutines, conn.Adaptive}
	return either(s, all, all[:1])
}

// either is the value for a run as it is meant, or for one that is broken.
func either[T any](s scale, meant, broken T) T {
	if s.Break {
		return broken
	}
	return meant
}

// verdict gathers what speaks against a bar. Its methods may be called from any
// goroutine.
type verdict struct {
	mu      sync.Mutex
	misses  int
	figures int    // those of measure
	first   string // of them all
}

// shownMisses is how many are printed: of thousands alike, the first tell enough.
const shownMisses = 10

// miss notes something that must not be.
func (v *verdict) miss(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if v.misses++; v.misses == 1 {
		v.first, _, _ = strings.Cut(text, "\n")
	}
	if v.misses <= shownMisses {
		fmt.Printf("  miss: %s\n", text)
	}
}

// expect notes a miss unless it holds.
func (v *verdict) expect(holds bool, format string, args ...any) {
	if !holds {
		v.miss(format, args...)
	}
}

// measure is expect for a figure of time, such as how many times as long something takes.
func (v *verdict) measure(holds bool, format string, args ...any) {
	if holds {
		return
	}
	v.mu.Lock()
	v.figures++
	v.mu.Unlock()
	v.miss(format, args...)
}

// finish prints the figure, and returns errMissed if anything was missed. The figure is
// worded for a bar that holds: of one that was missed, the last line says what was.
func (v *verdict) finish(format string, args ...any) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	figure := fmt.Sprintf(format, args...)
	if v.misses > 0 {
		fmt.Printf("  the figure, in the words of a bar that holds: %s\n", figure)
		fmt.Printf("MISSED, %d times, first: %s\n", v.misses, v.first)
		if v.figures == v.misses {
			return errFigures
		}
		return errMissed
	}
	fmt.Printf("held: %s\n", figure)
	return nil
}

// each runs f for 0 to n-1, workers of them at a time, until one fails or ctx is
// done. It returns when all have ended, with the first error.
func each(ctx context.Context, n, workers int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	var next sync.Mutex
	taken := 0
	take := func() (int, bool) {
		next.Lock()
		defer next.Unlock()
		taken++
		return taken - 1, taken <= n && ctx.Err() == nil
	}
	for range min(workers, n) {
		group.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if err := f(ctx, i); err != nil {
					cancel(fmt.Errorf("%d of %d: %w", i, n, err))
				}
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// sleep waits, for less if ctx is done before.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// eventually waits until f is true, and tells whether it came to be in time.
func eventually(ctx context.Context, patience time.Duration, f func() (bool, error)) (bool, error) {
	for end := time.Now().Add(patience); ; sleep(ctx, 20*time.Millisecond) {
		ok, err := f()
		if ok || err != nil {
			return ok, err
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return false, ctx.Err()
		}
	}
}
