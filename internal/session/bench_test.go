package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// BenchmarkEcho is a message in and the same out, without the cost of a system
// call.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{0, 20, 125, 250, 1 << 10, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			r := openRig(b, Config{MaxMessageSize: 1 << 20, MaxPending: 2 << 20, Handlers: Handlers{Message: echo}})
			frames := peer(frame.Binary, true, strings.Repeat("x", size))
			in := make([]byte, len(frames))
			r.wire.out.Grow(1 << 20)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(in, frames)
				r.wire.in = in
				for len(r.wire.in) > 0 {
					r.d.Readable()
				}
				r.wire.out.Reset()
			}
		})
	}
}

// BenchmarkEchoAmongMany is a message on one of so many connections, which have their turns in random order.
func BenchmarkEchoAmongMany(b *testing.B) {
	type seat struct { // as large as what a server allocates for a connection
		Driver
		_ [32]byte
	}
	for _, conns := range []int{1, 1 << 10, 1 << 14, 1 << 18} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			r := openRig(b, Config{MessagesPerSecond: -1, Handlers: Handlers{Message: echo}})
			frames := text("a message of 20 byte")
			in := make([]byte, len(frames))
			seats := make([]*seat, conns)
			for i := range seats {
				seats[i] = new(seat)
				seats[i].Init(r.loop, r.policy, i, r.wire, r.c.RemoteAddr())
				seats[i].Open(Opening{})
			}
			rand.Shuffle(conns, func(i, j int) { seats[i], seats[j] = seats[j], seats[i] })
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				copy(in, frames)
				r.wire.in = in
				seats[i%conns].Readable()
				r.wire.out.Reset()
			}
		})
	}
}

// BenchmarkRate is what the limit on messages costs each of them: batches of echoes
// with the default and without, in turns, at half of the rate that it allows. The ratio
// is that of the lower quartiles.
func BenchmarkRate(b *testing.B) {
	const batch = 1000
	frames := text("a message of 20 byte")
	in := make([]byte, len(frames))
	var rigs [2]*rig
	var took [2][]time.Duration
	for i, limit := range [2]int{-1, DefaultMessagesPerSecond} {
		rigs[i] = openRig(b, Config{MessagesPerSecond: limit, Handlers: Handlers{Message: echo}})
	}
	b.ReportAllocs()
	for b.Loop() {
		for i, r := range rigs {
			begin := time.Now()
			for range batch {
				r.loop.Now += 2 * time.Second / DefaultMessagesPerSecond
				copy(in, frames)
				r.wire.in = in
				r.d.Readable()
				r.wire.out.Reset()
			}
			took[i] = append(took[i], time.Since(begin))
		}
	}
	for i := range took {
		slices.Sort(took[i])
		expect(b, "state", rigs[i].c.State(), Open)
	}
	n := len(took[0]) / 4
	b.ReportMetric(float64(took[1][n])/float64(took[0][n]), "ratio")
	b.ReportMetric(float64(took[0][n])/batch, "ns/message")
}
