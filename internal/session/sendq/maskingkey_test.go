package sendq

import (
	"bytes"
	crypto "crypto/rand"
	"encoding/binary"
	"math/bits"
	"sync"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/mask"
)

// No two keys of a run are related: not those that follow each other, and not those of two stores.
func TestNewMaskingKey_HasNoPattern(t *testing.T) {
	const n = 1 << 16
	var stores [2]Store
	var last [2]mask.Key
	ones, same, seen := 0, 0, map[mask.Key]int{}
	for range n {
		for i := range stores {
			key := stores[i].NewMaskingKey()
			ones += bits.OnesCount32(uint32(key))
			same += 32 - bits.OnesCount32(uint32(key^last[i]))
			last[i] = key
			seen[key]++
		}
	}
	// Half of the bits are set, and half are those of the key before, within six deviations of a coin.
	const most = 32 * 2 * n / 2
	const deviation = 6 * 1448 // the square root of 2*32*n/4 is 1024; rounded up
	for name, got := range map[string]int{"set": ones, "as before": same} {
		if got < most-deviation || got > most+deviation {
			t.Errorf("%d bits of %d are %s", got, 2*most, name)
		}
	}
	if len(seen) < 2*n-50 { // by chance two of 2^17 keys are the same twice
		t.Errorf("%d different keys of %d", len(seen), 2*n)
	}
}

// Any goroutine may draw, and none gets a key of another.
func TestNewMaskingKey_FromManyGoroutines(t *testing.T) {
	var store Store
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[mask.Key]int{}
	for range 8 {
		all.Go(func() {
			for range 1000 {
				key := store.NewMaskingKey()
				mu.Lock()
				seen[key]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(seen) < 8000-2 {
		t.Errorf("%d different keys of 8000", len(seen))
	}
}

// A payload is masked while it is copied, in whatever pieces, and stays as it is.
func TestAppendFrame_MasksTheCopy(t *testing.T) {
	for _, size := range []int{0, 1, 3, 127, 128, 1000, ChunkSize - frame.MaxHeaderLen, ChunkSize, 3*ChunkSize + 5} {
		store := Store{Pool: new(buffer.Pool)}
		var q Queue
		payload := make([]byte, size)
		_, _ = crypto.Read(payload)
		before := bytes.Clone(payload)
		key := store.NewMaskingKey()
		q.Append(&store, []byte("x")) // so that the payload lies askew
		h := frame.Header{Fin: true, Opcode: frame.Binary, Masked: true, MaskingKey: key, PayloadLen: int64(size)}
		q.AppendFrame(&store, h, payload)
		got := bytes.Join(q.Vector(nil), nil)[1:]
		wire := key.Bytes()
		for i := range got[len(got)-size:] {
			got[len(got)-size+i] ^= wire[i%4]
		}
		if !bytes.Equal(payload, before) || !bytes.Equal(got[len(got)-size:], payload) || !bytes.Equal(got[len(got)-size-4:len(got)-size], wire[:]) {
			t.Errorf("%d bytes: they differ", size)
		}
		q.Clear()
	}
}

// BenchmarkNewMaskingKey compares the stream with the system's own random bytes, one key at a time and
// 64 at once.
func BenchmarkNewMaskingKey(b *testing.B) {
	b.Run("stream", func(b *testing.B) {
		var store Store
		b.ReportAllocs()
		for b.Loop() {
			_ = store.NewMaskingKey()
		}
	})
	b.Run("stream/alone", func(b *testing.B) { // without the pool
		k := newMaskingKeys()
		b.ReportAllocs()
		for b.Loop() {
			_ = k.draw()
		}
	})
	b.Run("system/at-once=64", func(b *testing.B) {
		type random struct {
			bytes [256]byte
			left  int
		}
		pool := sync.Pool{New: func() any { return new(random) }}
		b.ReportAllocs()
		for b.Loop() {
			r := pool.Get().(*random)
			if r.left == 0 {
				_, _ = crypto.Read(r.bytes[:])
				r.left = len(r.bytes)
			}
			_ = mask.Key(binary.LittleEndian.Uint32(r.bytes[len(r.bytes)-r.left:]))
			r.left -= 4
			pool.Put(r)
		}
	})
	b.Run("system/at-once=1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var key [4]byte
			_, _ = crypto.Read(key[:])
			_ = mask.KeyFromBytes(key)
		}
	})
}
