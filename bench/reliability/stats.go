//go:build linux

package main

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/server"
)

// stats is a server's account of itself.
type stats struct {
	Goroutines           int
	Heap                 int64         // bytes alive after a garbage collection
	Mallocs, Allocated   int64         // allocations in all, and their bytes
	CPU                  time.Duration // used
	Opened, Closed       int64         // callbacks that ran
	Twice                int64         // connections whose close callback ran more than once
	Panics               int64         // callbacks that the server says panicked
	Stacks               int64         // lines logged at level Error that have a stack
	Buffers, BufferBytes int64         // lent by the server's pools
	Timers               int           // that are set
	Turns                uint64        // of the loops
	PeakBytes            int64         // the most of BufferBytes since the account before, with the program that watches
	Descriptors, Watched int           // open, and watched by epoll: counted from outside
}

// counters are those of stats that the callbacks count.
type counters struct {
	opened, closed, twice, stacks atomic.Int64
	peak                          atomic.Int64 // see watch

	srv *server.Server // nil in place of a faulty one
}

// glance is all but the heap, the goroutines and what is counted from outside.
func (n *counters) glance() (s stats) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.Mallocs, s.Allocated, s.CPU = int64(m.Mallocs), int64(m.TotalAlloc), ownCPU()
	s.Opened, s.Closed, s.Twice, s.Stacks = n.opened.Load(), n.closed.Load(), n.twice.Load(), n.stacks.Load()
	if n.srv != nil {
		held := n.srv.Stats()
		s.Panics = int64(held.Panics)
		s.Buffers, s.BufferBytes, s.Timers = held.Buffers, held.BufferBytes, held.Timers
		s.Turns, s.PeakBytes = turnsOf(&held), n.peak.Swap(0)
	}
	return s
}

// turnsOf is how many turns the loops have made.
func turnsOf(held *server.Stats) (n uint64) {
	for _, l := range held.Loops {
		n += l.Lag.Turns
	}
	return n
}

// collect adds what is left after a garbage collection.
func (n *counters) collect(s *stats) {
	s.Goroutines = runtime.NumGoroutine()
	release := holdWaits()
	defer release()
	// What sync.Pool holds survives one collection.
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.Heap = int64(m.HeapAlloc)
}

// ownCPU is what this process has used, finer than /proc has it.
func ownCPU() time.Duration {
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
		panic(err) // it cannot fail for the caller's own
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// stackCounter is a slog.Handler that counts the lines of level Error that have a
// stack, and drops them all.
type stackCounter struct{ n *atomic.Int64 }

func (h *stackCounter) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

func (h *stackCounter) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "stack" && a.Value.String() != "" {
			h.n.Add(1)
		}
		return true
	})
	return nil
}

func (h *stackCounter) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *stackCounter) WithGroup(string) slog.Handler      { return h }
