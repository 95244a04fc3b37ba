package buffer

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
	"weak"
)

// A goroutine changes threads as the scheduler pleases, and finds what it gave back before.
func TestLarge_AnyThreadFindsWhatIsIdle(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // whose second look takes what is idle
	var p Pool
	first := p.Get(1 << 20)
	for range 100 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // which ends with the goroutine
			first.Release()
		}()
		<-done
		if p.Get(1<<20) != first {
			t.Fatal("another buffer is lent while one is idle")
		}
	}
	first.Release()
}

func TestLarge_IdleOnesAreTheCollectors(t *testing.T) {
	var p Pool
	b := p.Get(1 << 20)
	gone := weak.Make(b)
	b.Release()
	b = nil
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		runtime.GC()
		if gone.Value() == nil {
			runtime.KeepAlive(&p)
			return
		}
		time.Sleep(time.Millisecond) // for the goroutine that runs cleanups
	}
	t.Error("a buffer that nobody uses outlives all collections of a minute")
}

func TestLarge_OneCollectionDropsNothing(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the test alone says when one has been
	var s shelf
	s.put(new(Buffer))
	first := s.get()
	for range 10 {
		s.put(first)
		s.age()
		if again := s.get(); again != first {
			t.Fatal("a buffer in use is dropped")
		}
	}
	s.put(first)
	s.age()
	s.age()
	if s.get() != nil {
		t.Error("a buffer that nobody uses is kept over two collections")
	}
}

func BenchmarkGetRelease_Large(b *testing.B) {
	var p Pool
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Get(1 << 20).Release()
		}
	})
}
