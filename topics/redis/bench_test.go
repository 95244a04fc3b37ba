package redis

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
)

// Batches of messages of 256 bytes to 100 topics, in which another node is interested.
func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct {
		name       string
		keep       topics.History
		noPatterns bool
	}{
		{"plain", topics.History{}, false},
		{"no_patterns", topics.History{}, true},
		{"kept", topics.History{Messages: 100}, false},
		{"kept_by_age", topics.History{Messages: 100, Age: time.Hour}, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := startServer(b)
			names := make([]string, 100)
			for i := range names {
				names[i] = fmt.Sprintf("rooms.%d.chat", i)
			}
			other := run(b, r.broker())
			other.interest(names...)
			broker := r.broker()
			broker.NoPatterns = c.noPatterns
			n := run(b, broker)
			ms := make([]topics.Packet, batchMessages)
			for i := range ms {
				ms[i] = topics.Packet{Topic: names[i%len(names)], Data: make([]byte, 256), Keep: c.keep}
			}
			b.SetBytes(256)
			b.ReportAllocs()
			b.ResetTimer()
			before := r.usec()
			for left := b.N; left > 0; left -= len(ms) {
				if _, err := n.broker.Publish(b.Context(), ms[:min(left, len(ms))]); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric((r.usec()-before)/float64(b.N), "µs-of-Redis/op")
		})
	}
}

// A node's connection is lost, and it tells the server of 100,000 topics anew. If they are kept, it then asks what it has missed of each, on as many
// goroutines as Topics does.
func BenchmarkComeback(b *testing.B) {
	r := startServer(b)
	names := hundredThousand()
	keep := topics.History{Messages: 100}
	n := run(b, r.broker())
	var ms []topics.Packet
	for _, name := range names {
		ms = append(ms, topics.Packet{Topic: name, Data: make([]byte, 100), Keep: keep})
	}
	if _, err := n.broker.Publish(b.Context(), ms); err != nil {
		b.Fatal(err)
	}
	positions := make([]topics.Position, len(names))
	ask := func() {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
					_, at, err := n.broker.Since(b.Context(), names[i], keep, positions[i], 1<<20)
					if err != nil {
						b.Error(err)
						return
					}
					positions[i] = at
				}
			})
		}
		wg.Wait()
	}
	ask()
	n.interest(names...)
	for _, kept := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "kept"}[kept], func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				r.answer("CLIENT", "KILL", "TYPE", "pubsub")
				n.end()
				b.StartTimer()
				n.run()
				n.interest(names...)
				if kept {
					ask()
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/comeback")
		})
	}
}

// usec is how much CPU the server has used, in microseconds.
func (r *redisServer) usec() (all float64) {
	for _, f := range regexp.MustCompile(`used_cpu_(?:sys|user):([0-9.]+)`).FindAllStringSubmatch(r.answer("INFO", "cpu"), -1) {
		seconds, _ := strconv.ParseFloat(f[1], 64)
		all += seconds * 1e6
	}
	return all
}
