package allocs

import "testing"

var kept []byte

// What a function allocates each time is seen, and what it allocates now and then is not.
func TestPerRun_IsTheLeastOfItsBatches(t *testing.T) {
	const runs = 10
	calls := 0
	for name, test := range map[string]struct {
		f    func()
		want float64
	}{
		"nothing":            {func() {}, 0},
		"each time":          {func() { kept = make([]byte, 100) }, 1},
		"in the first batch": {func() { calls++; noise(calls <= runs+1) }, 0},
		"in all but one":     {func() { calls++; noise(calls <= (Batches-1)*(runs+1)) }, 0},
		"in every batch":     {func() { calls++; noise(calls%(runs+1) > 0) }, 9},
	} {
		calls = 0
		if got := PerRun(runs, test.f); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// noise allocates ten times, if there is any.
func noise(there bool) {
	for n := 10; there && n > 0; n-- {
		kept = make([]byte, 100)
	}
}
