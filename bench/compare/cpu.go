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
	workload
	Peers      []string `name:"peers" default:"${peers}" help:"Which servers, in this order."`
	Against    string   `default:"gws" help:"The server that ratios refer to."`
	Sizes      []int    `default:"20,1024,16384" help:"Payload sizes in bytes."`
	Rounds     int      `default:"9" help:"Rounds over all servers, for each size."`
	ServerCore int      `default:"0" help:"The core that the server is pinned to."`
	ClientCore int      `default:"1" help:"The core that the clients are pinned to."`
	Check      bool     `help:"Exit 1 if framerail's ratio at the first size is over the bar."`
	Bar        float64  `default:"0.75" help:"The bar of --check."`
}

func (c *cpuCommand) Run(ctx context.Context) error {
	list, err := choose(c.Peers, c.Against)
	if err != nil {
		return err
	}
	if len(c.Sizes) == 0 || c.Rounds < 1 {
		return errors.New("nothing to measure: it takes a size and a round")
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

// measure takes one figure of each peer in each round: a b c, a b c, ...
func (c *cpuCommand) measure(ctx context.Context, list []peers.Peer, size int) (rounds []map[string]figures, err error) {
	for range c.Rounds {
		round := make(map[string]figures)
		for _, p := range list {
			f, err := c.one(ctx, p.Name, size)
			if err != nil {
				return nil, fmt.Errorf("%s, %d B: %w", p.Name, size, err)
			}
			round[p.Name] = f
		}
		rounds = append(rounds, round)
	}
	return rounds, nil
}

// one takes one figure of one peer. A machine that is shared may stand still for
// a moment; a measurement in which the server had less than a tenth of its core is
// made again.
func (c *cpuCommand) one(ctx context.Context, peer string, size int) (f figures, err error) {
	for range attempts {
		if f, err = c.attempt(ctx, peer, size); err != nil || f.User+f.System >= c.Duration/10 {
			return f, err
		}
	}
	return f, fmt.Errorf("the server had %v of CPU in %v, %d times: the machine is too busy to measure", f.User+f.System, f.Elapsed, attempts)
}

const attempts = 5

func (c *cpuCommand) attempt(ctx context.Context, peer string, size int) (f figures, err error) {
	s, err := startServer(ctx, peer, c.ServerCore)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return runLoad(ctx, c.ClientCore, s, c.workload, size)
}

// print writes the table of one size and returns the ratio of each peer.
func (c *cpuCommand) print(list []peers.Peer, size int, rounds []map[string]figures) map[string]float64 {
	kind := "text"
	if c.Binary {
		kind = "binary"
	}
	fmt.Printf("%d B %s, %d connections, %d rounds of %v; microseconds of CPU per message\n",
		size, kind, c.Conns, len(rounds), c.Duration)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "peer\tversion\tserver\tuser\tsystem\tclient\tmessages/s\t/ %s\t(lowest-highest)\t\n", c.Against)
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
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t%.2f\t(%.2f-%.2f)\t\n", p.Name, p.Version(),
			each(figures.server), each(figures.user), each(figures.system), each(figures.client), each(figures.rate),
			medians[p.Name], slices.Min(ratios), slices.Max(ratios))
	}
	w.Flush()
	fmt.Println()
	return medians
}

func (f figures) perMessage(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000 / float64(f.Messages)
}

func (f figures) server() float64 { return f.perMessage(f.User + f.System) }
func (f figures) user() float64   { return f.perMessage(f.User) }
func (f figures) system() float64 { return f.perMessage(f.System) }
func (f figures) client() float64 { return f.perMessage(f.Client) }
func (f figures) rate() float64   { return float64(f.Messages) / f.Elapsed.Seconds() }

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
