package topics

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// silent is a Broker that takes everything, and brings nothing.
type silent struct{ on atomic.Int64 }

func (s *silent) Run(ctx context.Context, n Node) error {
	n.Up()
	<-ctx.Done()
	return ctx.Err()
}

func (s *silent) Publish(_ context.Context, ms []Packet) (int, error) { return len(ms), nil }

func (s *silent) Interest(_ context.Context, on, _ []string) error {
	s.on.Add(int64(len(on)))
	return nil
}

// BenchmarkTopicOfOne is the memory of topics with one member each: what the first one of a connection takes, and a second one.
func BenchmarkTopicOfOne(b *testing.B) {
	const conns = 20_000
	for _, across := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "broker"}[across], func(b *testing.B) {
			var took [2]float64
			for range b.N {
				h := newHost(conns)
				topics, broker := &Topics{Logger: quiet}, new(silent)
				if across {
					topics.Broker = broker
				}
				for round := range took {
					before := heapOf()
					for i, d := range h.all {
						if _, err := topics.Subscribe(connOf(&d.Conn), "users."+strconv.Itoa(round*conns+i)+".inbox"); err != nil {
							b.Fatal(err)
						}
						if i%1000 == 0 {
							h.turn()
						}
					}
					h.turn()
					for across && broker.on.Load() < int64(conns*(round+1)) {
						time.Sleep(time.Millisecond)
					}
					took[round] += float64(heapOf()-before) / conns
				}
				h.close()
				h.turn()
				topics.Close()
			}
			b.ReportMetric(took[0]/float64(b.N), "B/first")
			b.ReportMetric(took[1]/float64(b.N), "B/second")
		})
	}
}

// heapOf is what is in use.
func heapOf() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools have
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
