package sendq

import (
	"bytes"
	"hash/maphash"
	"sync"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/test/allocs"
	"github.com/framerail/framerail/mask"
)

// Many queues on as many goroutines send, drop and give back one frame. The race detector
// sees to it that none of them writes to it.
func TestASharedFrameIsNeverWrittenTo(t *testing.T) {
	var pool buffer.Pool
	store := Store{Pool: &pool}
	f := NewFrame(frame.Header{Fin: true, Opcode: frame.Text}, bytes.Repeat([]byte("x"), 3000))
	sum := maphash.Bytes(seed, f.iov[0])
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var q Queue
			for i := range 300 {
				q.AppendFrame(&store, frame.Header{Fin: true, Opcode: frame.Text, PayloadLen: 9}, []byte("123456789"))
				q.AppendShared(&store, f)
				switch i % 5 {
				case 0:
					q.DropOldest(&store, 3010, nil)
				case 1:
					_ = q.Vector(nil)
					q.Consume(q.Len() / 3)
				case 2:
					q.DropAllBut(&store, frame.Close)
					q.Fit(&store)
				}
			}
			q.Clear()
		})
	}
	wg.Wait()
	if n := f.refs.Load(); n != owner || maphash.Bytes(seed, f.iov[0]) != sum {
		t.Errorf("%d holders, the bytes %.40x", n, f.iov[0])
	}
	f.Release()
	if n, size := pool.Lent(); n != 0 || size != 0 {
		t.Errorf("%d buffers, %d bytes lent", n, size)
	}
}

// The budget counts a shared frame once, each queue all of it.
func TestASharedFrameIsCountedOnceAndWaitsInEachQueue(t *testing.T) {
	var pool buffer.Pool
	store := Store{Pool: &pool}
	f := NewFrame(frame.Header{Fin: true, Opcode: frame.Binary}, make([]byte, 60_000))
	queues := make([]Queue, 100)
	if _, n := pool.Lent(); n != 0 {
		t.Errorf("%d bytes lent while no queue holds the frame", n)
	}
	before := int64(f.Cap())
	for i := range queues {
		queues[i].AppendShared(&store, f)
		if n := queues[i].Len(); n != 60_004 {
			t.Fatalf("%d bytes wait", n)
		}
	}
	if _, n := pool.Lent(); n != before {
		t.Errorf("%d bytes lent to all queues, %d before", n, before)
	}
	if n := queues[0].Size(); n != int(before)/100 {
		t.Errorf("a queue's share is %d bytes", n)
	}
	f.Release()
	for i := range queues {
		if i == 50 {
			if _, n := pool.Lent(); n != before {
				t.Errorf("%d bytes lent while queues hold the frame", n)
			}
		}
		queues[i].Consume(queues[i].Len())
	}
	if n, size := pool.Lent(); n != 0 || size != 0 {
		t.Errorf("%d buffers, %d bytes lent when it has left", n, size)
	}
}

// A frame is counted where it waits. While it waits for queues of several pools, the pool of the first one counts it, also if
// that queue is done before the others.
func TestASharedFrameIsCountedWhereItWaits(t *testing.T) {
	var pools [2]buffer.Pool
	stores := [2]Store{{Pool: &pools[0]}, {Pool: &pools[1]}}
	f := NewFrame(frame.Header{Fin: true, Opcode: frame.Text}, make([]byte, 100))
	size := int64(f.Cap())
	expect := func(when string, want ...int64) {
		t.Helper()
		for i := range pools {
			if _, got := pools[i].Lent(); got != want[i] {
				t.Errorf("%s: pool %d has lent %d bytes, want %d", when, i, got, want[i])
			}
		}
	}
	var a, b Queue
	a.AppendShared(&stores[0], f)
	expect("the first holds it", size, 0)
	b.AppendShared(&stores[1], f)
	expect("both hold it", size, 0)
	a.Clear()
	expect("the second still holds it", size, 0)
	b.Clear()
	expect("none holds it", 0, 0)
	b.AppendShared(&stores[1], f)
	expect("the second holds it again", 0, size)
	a.AppendShared(&stores[0], f)
	b.Clear()
	f.Release()
	expect("the first holds it, behind the second", 0, size)
	a.Clear()
	expect("nobody holds it", 0, 0)
}

// However queues of two pools come and go, and frames are used again, each frame is counted once while a queue holds it, and
// not at all when none does.
func TestASharedFrameIsCountedOnceWhoeverComesAndGoes(t *testing.T) {
	var pools [2]buffer.Pool
	lent := func() int64 {
		_, first := pools[0].Lent()
		_, second := pools[1].Lent()
		return first + second
	}
	const queues = 4
	for round := range 300 {
		f := NewFrame(frame.Header{Fin: true, Opcode: frame.Text}, make([]byte, 100))
		size := int64(f.Cap())
		var coming, going sync.WaitGroup
		coming.Add(queues)
		released := make(chan struct{})
		for i := range queues {
			going.Go(func() {
				store := Store{Pool: &pools[i%2]}
				var q Queue
				for range 20 {
					q.AppendShared(&store, f)
					q.Clear()
				}
				q.AppendShared(&store, f)
				coming.Done()
				<-released
				q.Clear()
			})
		}
		coming.Wait()
		if n := lent(); n != size {
			t.Fatalf("round %d: %d bytes lent while queues hold a frame of %d", round, n, size)
		}
		close(released) // the queues go while the last holder does
		f.Release()
		going.Wait()
		if n := lent(); n != 0 {
			t.Fatalf("round %d: %d bytes lent while nobody holds the frame", round, n)
		}
	}
}

// A client's frame is a copy of its own. It has the tag, and the shared frame stays as it is.
func TestMasked_IsACopyWithTheTag(t *testing.T) {
	for _, size := range []int{0, 5, 125, 126, 5000, 70_000} {
		payload := bytes.Repeat([]byte("payload"), size)[:size]
		f := NewFrame(frame.Header{Fin: true, RSV1: true, Opcode: frame.Binary}, payload)
		f.Tag = Tag{t, 7}
		before := bytes.Clone(f.iov[0])
		key := mask.KeyFromBytes([4]byte{1, 2, 3, 4})
		m := f.Masked(key)
		want := frame.AppendFrame(nil, frame.Header{Fin: true, RSV1: true, Opcode: frame.Binary, Masked: true, MaskingKey: key}, payload)
		if !bytes.Equal(m.Vector()[0], want) || m.Tag != f.Tag {
			t.Errorf("size %d: %.40x with the tag %v, want %.40x", size, m.Vector()[0], m.Tag, want)
		}
		m.Release()
		if !bytes.Equal(f.iov[0], before) {
			t.Errorf("size %d: the frame itself has changed", size)
		}
		f.Release()
	}
}

// A dropped frame is not held for long: what waits to be given back is bounded.
func TestASharedFrameThatWasDroppedIsReleased(t *testing.T) {
	var pool buffer.Pool
	store := Store{Pool: &pool}
	var q Queue
	size := 0
	for range 1000 {
		f := NewFrame(frame.Header{Fin: true, Opcode: frame.Binary}, make([]byte, 1000))
		if q.Len() > 10_000 {
			q.DropOldest(&store, f.Len(), nil)
		}
		q.AppendShared(&store, f)
		size = f.Cap()
		f.Release()
	}
	if _, n := pool.Lent(); n < int64(10*size) || n > int64(20*size) {
		t.Errorf("%d bytes are held by a queue of 10 frames of %d", n, size)
	}
	q.Clear()
}

func TestSharedFramesAreMisused(t *testing.T) {
	var pool buffer.Pool
	for name, misuse := range map[string]func(f *Frame){
		"release": (*Frame).Release,
		"queue":   func(f *Frame) { new(Queue).AppendShared(&Store{Pool: &pool}, f) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic for a frame that nobody holds")
				}
			}()
			f := NewFrame(frame.Header{Fin: true, Opcode: frame.Text}, nil)
			f.Release()
			misuse(f)
		})
	}
}

// What waits and is sent again and again costs no allocations, be the chunks and entries
// many.
func TestQueuesDoNotAllocate(t *testing.T) {
	var pool buffer.Pool
	store := Store{Pool: &pool}
	f := NewFrame(frame.Header{Fin: true, Opcode: frame.Text}, make([]byte, 100))
	defer f.Release()
	h, payload := frame.Header{Fin: true, Opcode: frame.Text, PayloadLen: 100}, make([]byte, 100)
	var q Queue
	v := new(Vector)
	round := func() {
		for i := range 300 {
			if i%50 == 0 {
				q.Supersede("key", nil)
			}
			q.NoteKey(&store, "key", f.Len())
			q.AppendShared(&store, f)
			q.AppendFrame(&store, h, payload)
		}
		for !q.Empty() {
			n := 0
			for _, b := range q.Vector(v.Buffers[:0]) {
				n += len(b)
			}
			q.Consume(min(n, 5000))
		}
	}
	round()
	if n := allocs.PerRun(20, round); n > 1 && !raceEnabled {
		t.Errorf("%v allocations for 600 frames", n)
	}
}
