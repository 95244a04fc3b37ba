package allocs

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers"
)

// sizes run from the shortest message to the largest of the promise, with both
// sides of each length form between.
var sizes = []int{1, 20, 125, 126, 1024, 16 << 10, 65535, 65536, 256 << 10, 1 << 20}

var types = []struct {
	name   string
	opcode byte
}{
	{"text", wire.Text},
	{"binary", wire.Binary},
}

// The promise is 0, once the buffers are warm. The runtime allocates now and then
// by itself, and a pool has to be filled for each of its threads, which takes as
// long as the scheduler pleases: a server that allocated for its messages would
// do so in every sample, and one without such allocations shows it in one.
const (
	tolerance = 0.01
	samples   = 20
)

func TestEchoDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	for _, name := range []string{"framerail", "framerail-goroutines", "framerail-adaptive", "framerail-takeover", "framerail-alone"} {
		p, err := peers.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		addr := serve(t, p)
		kinds := types
		if p.Compresses {
			kinds = types[:1] // it takes its time, and it is all the same to it
		}
		for _, kind := range kinds {
			for _, size := range sizes {
				t.Run(fmt.Sprintf("%s/%s/%d", name, kind.name, size), func(t *testing.T) {
					steady(t, dial(t, p, addr, kind.opcode, size).echo, count(size))
				})
			}
		}
	}
}

// steady fails unless a sample of n messages is without allocations.
func steady(t *testing.T, do func() error, n int) {
	t.Helper()
	var perMessage float64
	for range samples {
		if perMessage = allocations(t, do, n); perMessage < tolerance {
			return
		}
	}
	t.Errorf("%.3f allocations for each message", perMessage)
}

// TestPeersAreCounted guards the count itself: gorilla allocates for every
// message it reads, and must be seen to.
func TestPeersAreCounted(t *testing.T) {
	p, err := peers.ByName("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, p, serve(t, p), wire.Text, 1024)
	if perMessage := allocations(t, c.echo, 1000); perMessage < 1 {
		t.Errorf("%.3f allocations for each message", perMessage)
	}
}

// count is how many messages make a sample: enough that a few allocations of the
// runtime's stay within the tolerance.
func count(size int) int {
	return max(300, min(3000, 64<<20/size))
}

// allocations is the process's count for each of n messages.
func allocations(t *testing.T, do func() error, n int) float64 {
	t.Helper()
	repeat(t, n/10, do)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	repeat(t, n, do)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n)
}

// BenchmarkEcho is one echo after the other over loopback, with every server that does not
// speak TLS. The client's part of it is the same for all.
func BenchmarkEcho(b *testing.B) {
	for _, p := range peers.All() {
		for _, size := range []int{20, 64 << 10} {
			benchmarkEcho(b, p, size)
		}
	}
	for _, p := range peers.Compressing() {
		benchmarkEcho(b, p, 1<<10)
	}
}

func benchmarkEcho(b *testing.B, p peers.Peer, size int) {
	b.Run(fmt.Sprintf("peer=%s/type=text/size=%d", p.Name, size), func(b *testing.B) {
		c := dial(b, p, serve(b, p), wire.Text, size)
		repeat(b, 10, c.echo)
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			if err := c.echo(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
