//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/framerail/framerail/bench/peers"
)

// errOverBar is what --check fails with when the figure is worse than the bar.
var errOverBar = errors.New("over the bar")

// cpuCommand measures the CPU that a server uses for each message.
type cpuCommand struct {
	Peers      []string      `name:"peers" default:"${peers}" help:"Which servers, in this order."`
	Against    string        `default:"gws" help:"The server that ratios refer to."`
	Sizes      []int         `default:"20,1024,16384" help:"Payload sizes in bytes."`
	Conns      int           `default:"50" help:"Connections to each server."`
	Binary     bool          `help:"Send binary messages, not text."`
	Rounds     int           `default:"9" help:"Rounds for each size."`
	Slices     int           `default:"10" help:"Turns of each server in a round."`
	Slice      time.Duration `default:"100ms" help:"Length of a turn."`
	ServerCore int           `default:"0" help:"The core that the servers are pinned to."`
	ClientCore int           `default:"1" help:"The core that the clients are pinned to."`
	Check      bool          `help:"Exit 1 if framerail's ratio at the first size is over the bar."`
	Bar        float64       `default:"0.75" help:"The bar of --check."`
}

func (c *cpuCommand) Run(ctx context.Context) error {
	list, err := choose(c.Peers, c.Against)
	if err != nil {
		return err
	}
	if len(c.Sizes) == 0 || c.Rounds < 1 || c.Slices < 1 {
		return errors.New("nothing to measure: it takes a size, a round and a turn")
	}
	var first float64
	for i, size := range c.Sizes {
		rounds, err := c.measure(ctx, list, size)
		if err != nil {
			return err
		}
		ratio := c.print(list, size, rounds)
		if i == 0 {
			first = ratio["framerail"]
		}
	}
	if !c.Check {
		return nil
	}
	if first == 0 {
		return errors.New("--check needs framerail among the peers")
	}
	fmt.Printf("framerail / %s at %d B: %.2f (bar: at most %.2f)\n", c.Against, c.Sizes[0], first, c.Bar)
	if first > c.Bar {
		return errOverBar
	}
	return nil
}

// measure starts all servers and takes the rounds.
func (c *cpuCommand) measure(ctx context.Context, list []peers.Peer, size int) (rounds []map[string]figures, err error) {
	var pairs []*pair
	defer func() {
		for _, p := range pairs {
			err = errors.Join(err, p.stop())
		}
	}()
	for _, peer := range list {
		p, err := c.startPair(ctx, peer, size)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	// The first round warms up: it is not counted.
	for range c.Rounds + 1 {
		round, err := c.round(pairs)
		if err != nil {
			return nil, fmt.Errorf("%d B: %w", size, err)
		}
		rounds = append(rounds, round)
	}
	return rounds[1:], nil
}

// attempts is how often a round is tried on a machine that stands still.
const attempts = 5

// round gives every server its turns: a b c, a b c, ... The servers use CPU in
// their turns alone, so that it is read before the first and after the last. On a
// machine that is shared all may stand still for a moment: a round in which a
// server had less than a tenth of its core is made again.
func (c *cpuCommand) round(pairs []*pair) (map[string]figures, error) {
	for range attempts {
		round, err := c.attempt(pairs)
		if err != nil {
			return nil, err
		}
		least := c.Slice
		for _, f := range round {
			least = min(least, (f.User+f.System)/time.Duration(c.Slices))
		}
		if least >= c.Slice/10 {
			return round, nil
		}
	}
	return nil, fmt.Errorf("a server had less than a tenth of its core, %d times: the machine is too busy", attempts)
}

func (c *cpuCommand) attempt(pairs []*pair) (map[string]figures, error) {
	round := make([]figures, len(pairs))
	for i, p := range pairs {
		if err := p.count(&round[i], -1); err != nil {
			return nil, err
		}
	}
	for range c.Slices {
		for i, p := range pairs {
			if err := p.run(c.Slice, &round[i]); err != nil {
				return nil, err
			}
		}
	}
	byName := make(map[string]figures)
	for i, p := range pairs {
		if err := p.count(&round[i], 1); err != nil {
			return nil, err
		}
		byName[p.peer.Name] = round[i]
	}
	return byName, nil
}

// print writes the table of one size and returns the ratio of each peer.
func (c *cpuCommand) print(list []peers.Peer, size int, rounds []map[string]figures) map[string]float64 {
	kind := "text"
	if c.Binary {
		kind = "binary"
	}
	fmt.Printf("%d B %s, %d connections, %d rounds of %d turns of %v; microseconds of CPU per message\n",
		size, kind, c.Conns, len(rounds), c.Slices, c.Slice)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "peer\tversion\tserver\tuser\tsystem\tclient\tmessages/s\techo bytes\t/ %s\t(lowest-highest)\t\n", c.Against)
	medians := make(map[string]float64)
	for _, p := range list {
		each := func(figure func(figures) float64) float64 {
			var values []float64
			for _, round := range rounds {
				values = append(values, figure(round[p.Name]))
			}
			return median(values)
		}
		var ratios []float64
		for _, round := range rounds {
			ratios = append(ratios, round[p.Name].server()/round[c.Against].server())
		}
		medians[p.Name] = median(ratios)
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t%.0f\t%.2f\t(%.2f-%.2f)\t\n", p.Name, p.Version(),
			each(figures.server), each(figures.user), each(figures.system), each(figures.client), each(figures.rate), each(figures.size),
			medians[p.Name], slices.Min(ratios), slices.Max(ratios))
	}
	w.Flush()
	fmt.Println()
	return medians
}

// median returns the middle value, the upper one of two. values must not be
// empty; it is sorted.
func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// choose finds the peers by name, and the one that ratios refer to among them.
func choose(names []string, against string) ([]peers.Peer, error) {
	var list []peers.Peer
	for _, name := range names {
		p, err := peers.ByName(name)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if !slices.Contains(names, against) {
		return nil, fmt.Errorf("ratios refer to %s, which is not among the peers", against)
	}
	return list, nil
}
