package client_test

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// bucket is the time by which those that come back are counted.
const bucket = 100 * time.Millisecond

// comeback is how the clients of a server came to the one in its place, since the first said that it leaves.
type comeback struct {
	perBucket []int
	last      time.Duration
	back      int
}

// restart has n clients hold connections to a server, which leaves with a code. It is away for a time, and another
// one is in its place.
func restart(t *testing.T, n int, code frame.CloseCode, away time.Duration) (got comeback) {
	t.Helper()
	anyNumber := server.Limits{MaxConnections: -1, HandshakesPerSecond: -1}
	old := &server.Server{Logger: slog.New(slog.DiscardHandler), Limits: anyNumber, Leaving: server.Leaving{Code: code}}
	sim := servertest.New(17, old)
	c := &client.Client{Transport: sim.Transport(), Logger: old.Logger}
	ended := 0
	for i := range n {
		sim.Go(func() {
			r := &client.Reconnecting{Client: c, URL: "ws://server.test/"}
			_ = r.Run(context.Background())
			ended++
		})
		if i%50 == 0 {
			sim.Settle() // before more of them could do something
		}
	}
	sim.Settle()
	sim.Advance(31 * time.Second) // so long that the connections are stable
	if up := old.ClientCount(); up != n {
		t.Fatalf("%d of %d clients are connected", up, n)
	}
	left := sim.Now()
	if d, err := old.Shutdown(sim.Context(time.Minute)); err != nil || d.Clean != n {
		t.Errorf("the first server's end: %+v, %v", d, err)
	}
	sim.Advance(away)

	next := &server.Server{Logger: old.Logger, Limits: anyNumber, OnConnection: func(*conn.Conn) {
		got.last = sim.Now().Sub(left)
		for len(got.perBucket) <= int(got.last/bucket) {
			got.perBucket = append(got.perBucket, 0)
		}
		got.perBucket[got.last/bucket]++
	}}
	sim.Restart(next)
	sim.RunUntil(5*time.Minute, func() bool { return next.ClientCount() == n })
	got.back = next.ClientCount()

	sim.Go(func() { _ = c.Close() })
	if !sim.RunUntil(time.Minute, func() bool { return ended == n }) {
		t.Errorf("%d of %d clients have ended", ended, n)
	}
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
	return got
}

// Clients whose server restarts come back spread over the time that its close code means, and all of them do. No tenth
// of a second has many more of them than the others.
func TestReconnecting_NoHerdAtTheServerThatIsBack(t *testing.T) {
	for _, tc := range []struct {
		name   string
		n      int
		code   frame.CloseCode
		away   time.Duration
		window time.Duration // over which they come
		within time.Duration // all are back
	}{
		{"1012, away for 3 s", herdSize, frame.ServiceRestart, 3 * time.Second, 25 * time.Second, 30 * time.Second},
		{"1001, back at once", herdSize / 4, frame.GoingAway, 0, 5 * time.Second, 5 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if testing.Short() {
				tc.n = min(tc.n, 1000)
			}
			got := restart(t, tc.n, tc.code, tc.away)
			mean := float64(tc.n) * float64(bucket) / float64(tc.window)
			most := mean + 6*math.Sqrt(mean) // six standard deviations, of those that come at random
			fullest := slices.Max(append(got.perBucket, 0))
			t.Logf("%d of %d clients are back, the last after %v; at most %d in %v, on average %.0f", got.back, tc.n, got.last, fullest, bucket, mean)
			if got.back != tc.n || got.last > tc.within || float64(fullest) > most {
				t.Errorf("want all within %v, and at most %.0f in %v", tc.within, most, bucket)
			}
		})
	}
}
