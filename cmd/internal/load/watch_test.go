package load

import (
	"testing"
	"time"
)

// What is left after the last whole interval is part of that one, its time too.
func TestInterval_ShortRestCountsWithItsTime(t *testing.T) {
	s := &shard{latency: newHistogram()}
	w := newWatch(&run{Config: Config{Every: time.Second}, shards: []*shard{s}}, nil)
	w.running = true
	s.counts.Answered = 1000
	w.interval(w.began.Add(time.Second))
	s.counts.Answered = 200
	w.interval(w.began.Add(1200 * time.Millisecond))
	all := w.result.Intervals
	if len(all) != 1 {
		t.Fatalf("%d intervals", len(all))
	}
	if i := all[0]; i.Rate(Echo) != 1000 || i.At != 1200*time.Millisecond || i.Total.Answered != 1200 {
		t.Errorf("%.0f messages a second until %v, %d in all", i.Rate(Echo), i.At, i.Total.Answered)
	}
}
