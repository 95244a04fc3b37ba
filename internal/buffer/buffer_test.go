package buffer

import (
	"testing"

	"github.com/framerail/framerail/internal/test/allocs"
)

func TestGetHasRoom(t *testing.T) {
	var p Pool
	for _, n := range []int{0, 1, 511, 512, 513, 1024, 1025, 1 << 20, MaxSize, MaxSize + 1} {
		b := p.Get(n)
		if len(b.B) != 0 || cap(b.B) < n {
			t.Errorf("Get(%d): len %d cap %d", n, len(b.B), cap(b.B))
		}
		if n <= MaxSize && cap(b.B) >= 2*max(n, MinSize) {
			t.Errorf("Get(%d) lends %d bytes: more than the next power of two", n, cap(b.B))
		}
		b.Release()
	}
	if n, bytes := p.Lent(); n != 0 || bytes != 0 {
		t.Errorf("%d buffers, %d bytes still lent", n, bytes)
	}
}

func TestLentCountsWhatIsOut(t *testing.T) {
	var p Pool
	a, b := p.Get(100), p.Get(1000)
	if n, bytes := p.Lent(); n != 2 || bytes != 512+1024 {
		t.Errorf("lent %d buffers, %d bytes", n, bytes)
	}
	a.Release()
	b.Release()
}

// A buffer that moves is a loan of the other pool alone, and goes back there. One that nobody counts stays so.
func TestMove_ChangesThePoolThatCounts(t *testing.T) {
	var from, to Pool
	a, b := from.Get(100), from.Get(1000)
	a.Move(&to)
	a.Move(&to)
	if n, bytes := from.Lent(); n != 1 || bytes != 1024 {
		t.Errorf("the first pool has lent %d buffers, %d bytes", n, bytes)
	}
	if n, bytes := to.Lent(); n != 1 || bytes != 512 {
		t.Errorf("the second pool has lent %d buffers, %d bytes", n, bytes)
	}
	a.Release()
	b.Disown()
	b.Move(&to)
	b.Release()
	for _, p := range []*Pool{&from, &to} {
		if n, bytes := p.Lent(); n != 0 || bytes != 0 {
			t.Errorf("%d buffers, %d bytes still lent", n, bytes)
		}
	}
}

// A loan that can be done without is not made while memory is short. Any other is.
func TestTryGetLendsWhileMemoryIsAmple(t *testing.T) {
	var p Pool
	p.TryGet(100).Release() // nothing limits it
	ample := false
	p.SetAmple(func() bool { return ample })
	if p.TryGet(100) != nil {
		t.Error("a buffer is lent though memory is short")
	}
	p.Get(100).Release()
	ample = true
	if b := p.TryGet(1000); b == nil || cap(b.B) != 1024 {
		t.Errorf("lent %v, want a buffer of 1024 bytes", b)
	} else {
		b.Release()
	}
	if n, bytes := p.Lent(); n != 0 || bytes != 0 {
		t.Errorf("%d buffers, %d bytes still lent", n, bytes)
	}
}

func TestGetReleaseDoNotAllocate(t *testing.T) {
	var p Pool
	p.Get(2000).Release()
	if n := allocs.PerRun(1000, func() { p.Get(2000).Release() }); n > 0.1 {
		t.Errorf("%v allocations for each loan", n)
	}
}

func TestClassesCoverMaxSize(t *testing.T) {
	if got := classOf(MaxSize); got != classes-1 {
		t.Errorf("class of the largest size is %d of %d", got, classes)
	}
	if got := classOf(MaxSize + 1); got != classes {
		t.Errorf("a larger size has class %d", got)
	}
}

func BenchmarkGetRelease(b *testing.B) {
	var p Pool
	b.ReportAllocs()
	for b.Loop() {
		p.Get(100).Release()
	}
}
