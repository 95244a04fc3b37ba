//go:build linux

package main

import (
	"context"
	"sync"

	"github.com/framerail/framerail/internal/test/lives"
	"github.com/framerail/framerail/server/servertest"
)

// simulationCommand plays whole lives of connections on a simulated machine, whose
// network, poller and clock fail in every way that real ones do. Broken, the program
// that serves now and then sends a message twice.
type simulationCommand struct {
	scale
	security
	Lives   int    `default:"10000000" help:"Connections."`
	Workers int    `default:"2" help:"Simulations at a time."`
	Seed    uint64 `default:"1" help:"The first seed; each simulation has the next."`
}

// livesAtOnce is how many connections one simulation has, a few of them at a time.
const livesAtOnce = 100

// replays is how many of the seeds are played a second time, for the same course.
const replays = 3

func (b *simulationCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Lives = 2000
	}
	v := new(verdict)
	plan := lives.Plan{
		Seed: b.Seed, Clients: livesAtOnce, Faults: servertest.Rough(),
		TLS: b.TLS, Break: either(b.scale, 0, lives.BreakDouble),
	}
	p := playing{plan, lives.Play, b.Workers, func(r lives.Result) bool { return r.Lives >= b.Lives }}
	total, seeds, err := p.all(ctx, v)
	if err != nil {
		return err
	}
	for range replays {
		first, _ := lives.Play(plan)
		again, _ := lives.Play(plan)
		v.expect(first == again, "seed %d: %+v, then %+v", plan.Seed, first, again)
		plan.Seed++
	}
	return v.finish("%d lives on %d machines, %d steps: %d opened, %d ended cleanly; %d messages received, %d sent; %d seeds replayed exactly",
		total.Lives, seeds, total.Steps, total.Opened, total.Clean, total.Received, total.Sent, replays)
}

// playing is how one seed after the other is played.
type playing struct {
	plan    lives.Plan
	play    func(lives.Plan) (lives.Result, error)
	workers int
	enough  func(lives.Result) bool
}

// all plays until enough was played, or enough has gone wrong.
func (p *playing) all(ctx context.Context, v *verdict) (total lives.Result, seeds int, err error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	failed := 0
	next := func() (seed uint64, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if p.enough(total) || failed >= shownMisses || ctx.Err() != nil {
			return 0, false
		}
		seeds++
		return p.plan.Seed + uint64(seeds-1), true
	}
	for range p.workers {
		group.Go(func() {
			for seed, ok := next(); ok; seed, ok = next() {
				plan := p.plan
				plan.Seed = seed
				r, err := p.play(plan)
				v.expect(err == nil, "%v", err)
				mu.Lock()
				total.Add(r)
				if err != nil {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return total, seeds, ctx.Err()
}
