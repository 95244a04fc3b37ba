//go:build linux

package main

import (
	"context"

	"github.com/framerail/framerail/internal/test/lives"
	"github.com/framerail/framerail/server/servertest"
)

// staleCommand has most callbacks close a connection, their own or another's, on a
// simulated machine whose poller reports registrations that are gone, as ready for
// anything, and whose descriptors are used again at once. Every message says whose it
// is. Each machine is played a second time without those reports, for the same course:
// nothing may come of them. Broken, the program takes one connection for another now
// and then.
type staleCommand struct {
	scale
	security
	Steps   int    `default:"1000000" help:"Things that happen."`
	Workers int    `default:"2" help:"Simulations at a time."`
	Seed    uint64 `default:"1" help:"The first seed; each simulation has the next."`
}

func (b *staleCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Steps = 50000
	}
	v := new(verdict)
	plan := lives.Plan{
		Seed: b.Seed, Clients: livesAtOnce, Closes: true, TLS: b.TLS,
		Faults: servertest.Faults{Cuts: 0.3, ShortReads: 0.3, Spurious: 0.5, Stale: 0.8, Gone: 0.9},
		Break:  either(b.scale, 0, lives.BreakCross),
	}
	p := playing{plan, lives.PlayTwice, b.Workers, func(r lives.Result) bool { return r.Steps >= b.Steps }}
	total, seeds, err := p.all(ctx, v)
	if err != nil {
		return err
	}
	return v.finish("%d steps on %d machines, the same without events of connections that are gone: %d connections opened and closed once each, %d messages with their own",
		total.Steps, seeds, total.Opened, total.Received+total.Sent)
}
