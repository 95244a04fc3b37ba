package lives

import (
	"testing"

	"github.com/framerail/framerail/server/servertest"
)

// What a life takes:
//
//	go test -run '^$' -bench Play -benchtime 50x ./internal/test/lives
func BenchmarkPlay(b *testing.B) {
	b.ReportAllocs()
	var total Result
	for seed := uint64(1); b.Loop(); seed++ {
		r, err := Play(Plan{Seed: seed, Clients: 100, Faults: servertest.Rough()})
		if err != nil {
			b.Fatal(err)
		}
		total.Add(r)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total.Lives), "ns/life")
	b.ReportMetric(float64(total.Steps)/float64(total.Lives), "steps/life")
}
