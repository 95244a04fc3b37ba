package topics

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// noRights refuses all interest.
type noRights struct{ Broker }

func (noRights) Interest(context.Context, []string, []string) error { return errors.New("no rights") }

// A name that is refused is not given again before the next tick, though a call failed before all were given. So after some calls all
// have been given, however many are refused.
func TestInterest_WhatIsRefusedWaitsForTheTick(t *testing.T) {
	const names = 200 // more than one call gets to
	h := new(Topics)
	l := &link{hub: h, broker: noRights{}, logger: quiet, wake: make(chan struct{}, 1)}
	i := &l.interest
	i.on = make(map[string]bool)
	for n := range names {
		of := h.lock(fmt.Sprint("a.", n), false)
		of.across = &across{link: l}
		of.mu.Unlock()
		i.change(of.name, false)
	}
	calls := 1
	for ; l.giveInterest(context.Background()) != nil; calls++ {
		if calls == names {
			t.Fatalf("after %d calls %d of %d names are refused, and %d are still to be given", calls, len(i.refused), names, len(i.changed))
		}
	}
	expect(t, "one call is not enough", calls > 1, true)
	expect(t, "names that are refused", len(i.refused), names)
	i.tick()
	expect(t, "names to be given with the tick", len(i.changed), names)
}

// A name of a topic that is gone is forgotten while the broker takes no interest at all. So names that come and go do not pile up.
func TestInterest_WhatIsGoneIsForgotten(t *testing.T) {
	h := new(Topics)
	l := &link{hub: h, broker: noRights{}, logger: quiet, wake: make(chan struct{}, 1)}
	i := &l.interest
	i.on = make(map[string]bool)
	names := func() int { return len(i.on) + len(i.changed) + len(i.refused) }
	most := 0
	for round := range 50 {
		var all []*topic
		for n := range 100 {
			of := h.lock(fmt.Sprint("a.", round, ".", n), false)
			of.across = &across{link: l}
			of.mu.Unlock()
			i.change(of.name, false)
			all = append(all, of)
		}
		_ = l.giveInterest(context.Background())
		for _, of := range all {
			of.gone.Store(true)
			h.retire(of, over)
		}
		for range 10 {
			i.tick()
			_ = l.giveInterest(context.Background())
		}
		if round == 0 {
			most = names()
		}
	}
	if n := names(); n > most {
		t.Errorf("%d names are left, %d after the first round", n, most)
	}
	expect(t, "names that are given again", len(i.changed)+len(i.refused), 0)
}
