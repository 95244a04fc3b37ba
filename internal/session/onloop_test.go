package session

import "testing"

// A loop's goroutine is known as one however deep its stack is, and no other goroutine is taken for it.
func TestRunsOnLoop_AtEveryDepth(t *testing.T) {
	l := NewLoop(nil)
	l.Run(func() {
		for depth := range 400 {
			expect(t, "on the loop", deeper(depth, RunsOnLoop), true)
		}
		others := make(chan bool)
		for depth := range 100 {
			go func() { others <- deeper(depth, RunsOnLoop) }()
			expect(t, "beside it", <-others, false)
		}
	})
}

// deeper calls f with that many more calls on the stack.
//
//go:noinline
func deeper(calls int, f func() bool) bool {
	if calls == 0 {
		return f()
	}
	return deeper(calls-1, f)
}
