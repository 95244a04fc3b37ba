package redis

import (
	"fmt"
	"regexp"
	"strconv"
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
			r.answer("CONFIG", "RESETSTAT")
			for left := b.N; left > 0; left -= len(ms) {
				if _, err := n.broker.Publish(b.Context(), ms[:min(left, len(ms))]); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric(r.usec(), "µs-of-Redis/op")
		})
	}
}

// usec is the mean time of the commands that publish, as Redis has measured it.
func (r *redisServer) usec() float64 {
	found := regexp.MustCompile(`cmdstat_(?:evalsha|spublish):calls=\d+,usec=\d+,usec_per_call=([0-9.]+)`).
		FindAllStringSubmatch(r.answer("INFO", "commandstats"), -1)
	var most float64 // a script's own commands are counted too
	for _, f := range found {
		each, _ := strconv.ParseFloat(f[1], 64)
		most = max(most, each)
	}
	return most
}
