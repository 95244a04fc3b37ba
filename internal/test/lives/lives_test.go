package lives

import (
	"flag"
	"testing"

	"github.com/framerail/framerail/internal/test/leaks"
	"github.com/framerail/framerail/server/servertest"
)

var seeds = flag.Uint64("seeds", 40, "how many seeds TestPlay plays")

// Whatever goes wrong on the machine, the invariants hold:
//
//	go test ./internal/test/lives -seeds 10000
func TestPlay(t *testing.T) { playSeeds(t, false) }

// And over TLS, which has its own way to hold bytes back and to end.
func TestPlay_OverTLS(t *testing.T) { playSeeds(t, true) }

func playSeeds(t *testing.T, overTLS bool) {
	t.Helper()
	var total Result
	for seed := range *seeds {
		r, err := Play(Plan{Seed: seed, Clients: 20, Faults: servertest.Rough(), Closes: seed%4 == 3, TLS: overTLS})
		if err != nil {
			t.Fatal(err)
		}
		total.Add(r)
	}
	if total.Opened < total.Lives/2 || total.Clean < total.Lives/20 || total.Received < total.Lives || total.Sent < total.Lives {
		t.Errorf("hardly anything was played: %+v", total)
	}
	t.Logf("%+v", total)
}

// Without faults, too.
func TestPlay_OnAMachineWithoutFaults(t *testing.T) {
	for seed := range *seeds / 5 {
		if _, err := Play(Plan{Seed: seed, Clients: 20}); err != nil {
			t.Fatal(err)
		}
	}
}

// A seed replays exactly.
func TestPlay_Replays(t *testing.T) {
	for seed := range uint64(8) {
		plan := Plan{Seed: seed, Clients: 20, Faults: servertest.Rough(), TLS: seed%2 == 1}
		first, _ := Play(plan)
		if again, _ := Play(plan); first != again {
			t.Errorf("first %+v, then %+v", first, again)
		}
	}
}

// Events of connections that are gone are nobody's: without the comparison of
// generations, one would have whoever has the slot now read.
func TestPlay_NothingComesOfEventsOfThoseGone(t *testing.T) {
	for seed := range *seeds / 2 {
		faults := servertest.Faults{Cuts: 0.3, Stale: 0.3, Gone: 0.8}
		if _, err := PlayTwice(Plan{Seed: seed, Clients: 20, Faults: faults, Closes: true, TLS: seed%4 == 3}); err != nil {
			t.Error(err)
		}
	}
}

// The invariants can fail: each of these programs is wrong, and is found out.
func TestPlay_FindsBrokenPrograms(t *testing.T) {
	for _, b := range []Break{BreakDouble, BreakLose, BreakCross, BreakAlter, BreakForget} {
		found := false
		for seed := uint64(0); seed < 20 && !found; seed++ {
			play := func() {
				_, err := Play(Plan{Seed: seed, Clients: 20, Faults: servertest.Rough(), Break: b})
				found = err != nil
			}
			if b == BreakForget {
				leaks.Excuse(play) // what waits for a callback that never returns
			} else {
				play()
			}
		}
		if !found {
			t.Errorf("break %d was not noticed in 20 seeds", b)
		}
	}
}
