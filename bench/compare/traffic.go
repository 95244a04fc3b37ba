//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/report"
)

// effort is how long and where things are measured.
type effort struct {
	Rounds     int           `default:"9" help:"Rounds for each row."`
	Turns      int           `default:"5" help:"Turns of each server in a round."`
	Turn       time.Duration `default:"200ms" help:"Length of a turn. Some rows take several times as long."`
	ServerCore int           `default:"0" help:"The core that the servers are pinned to."`
	ClientCore int           `default:"1" help:"The core that the clients are pinned to."`

	warmup int           // rounds that are not counted
	quiet  time.Duration // how long memory is to stay the same
}

// traffic measures a row: all servers are up at once and have their turns.
func (e effort) traffic(ctx context.Context, r row, list []contender) (servers []report.Server, err error) {
	var pairs []*pair
	defer func() {
		for _, p := range pairs {
			err = errors.Join(err, p.stop())
		}
	}()
	if first := ballast(r, list); first >= 0 {
		p := startPair(ctx, r, list[first], e.ServerCore, e.ClientCore)
		defer func() { err = errors.Join(err, p.stop()) }()
	}
	for _, c := range list {
		pairs = append(pairs, startPair(ctx, r, c, e.ServerCore, e.ClientCore))
	}
	repeats := attempts
	for range e.warmup + e.Rounds {
		if err := e.round(r, pairs, &repeats); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	reference := slices.IndexFunc(pairs, func(p *pair) bool { return p.library == against })
	for _, p := range pairs {
		p.rounds = p.rounds[min(e.warmup, len(p.rounds)):]
	}
	for _, p := range pairs {
		s := report.Server{Name: p.name, Library: p.library}
		if p.failed != nil {
			s.Failed = p.failed.Error()
		} else {
			s.Figures = p.figures(r)
			s.Refused = refusals(r, s.Figures, p.rounds)
			if reference >= 0 && pairs[reference].failed == nil {
				p.addRatio(s.Figures, pairs[reference])
			}
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// many is from how many connections on a row has ballast.
const many = 1000

// ballast is the index of the server that is started a second time; -1 for none. The copy's clients connect before all
// others, and have no turns. With thousands of connections each, the server whose clients connect first takes 3 to
// 11 % more CPU than a copy of itself (record 073).
func ballast(r row, list []contender) int {
	if r.load.Conns < many {
		return -1
	}
	return slices.IndexFunc(list, func(c contender) bool { return c.other == nil })
}

// attempts is how often a round is tried on a machine that stands still, and how many rounds of a row are made again
// because clients were late.
const attempts = 5

// round gives every server its turns: a b c, b c a, ... The servers use CPU in
// their turns alone, so that it is read before the first and after the last. On a
// machine that is shared all may stand still for a moment: a round in which a
// server and its clients together had less than a fifth of a core is made again, and so is one in
// which messages were sent too late.
func (e effort) round(r row, pairs []*pair, repeats *int) error {
	for range attempts {
		if err := e.attempt(r, pairs); err != nil {
			return err
		}
		still := false
		for _, p := range pairs {
			if p.failed == nil && r.load.Kind != load.Paced && e.warmup > 0 {
				last := p.rounds[len(p.rounds)-1]
				still = still || last.serverBusy()+last.clientBusy() < 0.2
			}
		}
		if !still {
			return e.again(r, pairs, repeats)
		}
		takeBack(pairs)
	}
	return fmt.Errorf("%s: a server and its clients had less than a fifth of a core, %d times: the machine is too busy", r.name, attempts)
}

// takeBack takes the last round back.
func takeBack(pairs []*pair) {
	for _, p := range pairs {
		p.rounds = p.rounds[:max(len(p.rounds)-1, 0)]
	}
}

// again makes a round again for those whose clients sent too much too late in it, as when the machine takes their
// core away for some milliseconds. What stays so is refused in the end: a machine on which clients are always late does
// not get better by waiting.
func (e effort) again(r row, pairs []*pair, repeats *int) error {
	if r.load.Kind != load.Paced || e.warmup == 0 {
		return nil
	}
	for ; *repeats > 0; *repeats-- {
		var disturbed []*pair
		for _, p := range pairs {
			if n := len(p.rounds); p.failed == nil && n > 0 && isLate(p.rounds[n-1:]) {
				disturbed = append(disturbed, p)
			}
		}
		if len(disturbed) == 0 {
			return nil
		}
		takeBack(disturbed)
		if err := e.attempt(r, disturbed); err != nil {
			return err
		}
	}
	return nil
}

func (e effort) attempt(r row, pairs []*pair) error {
	before := make([]used, len(pairs))
	for i, p := range pairs {
		if p.failed != nil {
			continue
		}
		p.rounds = append(p.rounds, round{})
		var err error
		if before[i], err = p.used(); err != nil {
			return err
		}
	}
	for turn := range e.Turns {
		for i := range pairs {
			// Who comes first changes, for the machine may be otherwise by then.
			if p := pairs[(turn+i)%len(pairs)]; p.failed == nil {
				p.run(r.turns(e.Turn))
			}
		}
	}
	for i, p := range pairs {
		if p.failed != nil {
			continue
		}
		after, err := p.used()
		if err != nil {
			return err
		}
		last := &p.rounds[len(p.rounds)-1]
		last.server = after.server.Since(before[i].server)
		last.client = after.client.Since(before[i].client)
	}
	return nil
}

// figures are those of one server.
func (p *pair) figures(r row) map[string]report.Figure {
	figures := make(map[string]report.Figure)
	add := func(name string, of func(round) float64) {
		var values []float64
		for _, r := range p.rounds {
			values = append(values, of(r))
		}
		figures[name] = report.NewFigure(values)
	}
	if p.server.pid != 0 {
		add(report.CPU, round.cpu)
		add(report.Busy, round.serverBusy)
	}
	add(report.Rate, round.rate)
	add(report.Client, round.clientBusy)
	if r.load.Kind != load.Handshake {
		add(report.Wire, round.wire)
	}
	if r.load.Kind == load.Paced {
		add(report.P50, func(r round) float64 { return r.quantile(0.5) })
		add(report.P99, func(r round) float64 { return r.quantile(0.99) })
		add(report.P999, func(r round) float64 { return r.quantile(0.999) })
	}
	return figures
}

func (r round) quantile(p float64) float64 {
	values := make([]float64, len(r.Latency))
	for i, l := range r.Latency {
		values[i] = float64(l)
	}
	slices.Sort(values)
	return stat.Quantile(p, stat.Empirical, values, nil)
}

// against is the library that ratios refer to.
const against = "gws"

// addRatio adds the ratio of CPU to that of the reference, round by round. Of a paced row a round may have been made
// again for one of the two: see again.
func (p *pair) addRatio(figures map[string]report.Figure, reference *pair) {
	if p.server.pid == 0 {
		return
	}
	var ratios []float64
	for i, r := range p.rounds {
		ratios = append(ratios, r.cpu()/reference.rounds[i].cpu())
	}
	figures[report.Ratio] = report.NewFigure(ratios)
}
