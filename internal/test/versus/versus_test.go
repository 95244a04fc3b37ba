package versus

import (
	"testing"
	"time"
)

func TestRun_EachWayHasItsTurn(t *testing.T) {
	var ran [3]int
	way := func(i int, pause time.Duration) Way {
		return Way{[]string{"a", "b", "c"}[i], func(times int) {
			ran[i] += times
			for range times {
				time.Sleep(pause)
			}
		}}
	}
	result := testing.Benchmark(func(b *testing.B) {
		Run(b, 1000, way(0, time.Millisecond), way(1, time.Millisecond), way(2, 0))
	})
	if ran[0] != ran[1] || ran[2] <= ran[0] {
		t.Errorf("ran %v times", ran)
	}
	for _, unit := range []string{"ns/op", "MB/s", "x-b", "x-c"} {
		if _, ok := result.Extra[unit]; !ok {
			t.Errorf("%s is missing in %v", unit, result.Extra)
		}
	}
	if _, ok := result.Extra["x-a"]; ok {
		t.Error("the first way is compared with itself")
	}
}
