package load

import (
	"testing"
	"time"
)

func TestThreshold_IsMet(t *testing.T) {
	r := &Result{Latency: newHistogram(), Connect: newHistogram(), Took: 2 * time.Second}
	r.Config.Mode = Echo
	r.Counts.Answered, r.Counts.Lost = 100, 3
	for i := range 100 {
		record(r.Latency, int64(i+1)*int64(time.Millisecond))
	}
	for text, want := range map[string]bool{
		"p99>50ms": true, "p99>200ms": false, "p50 < 60ms": true, "p50<10ms": false, "max>=100ms": true, "mean>1s": false,
		"rate<50": false, "rate<=50": true, "rate<51": true, "errors>0": true, "lost>3": false, "lost>=3": true,
		"corrupt>0": false, "connect-p99>1ns": false, "server-rss>1": false,
	} {
		var b Threshold
		if err := b.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := b.Met(r); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestThreshold_RefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{"", "p99", ">5", "p99>", "p99>5", "p0>1s", "p101>1s", "speed>1", "errors>some", "rate=5"} {
		var b Threshold
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
