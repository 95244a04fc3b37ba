//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/proc"
	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers"
)

const (
	// warmupConns come, echo and leave before the count begins, so that what a
	// server sets up once is not divided among the connections measured.
	warmupConns = 100
	// A server is quiet when its memory has not changed for quiet; it has
	// patience to become so.
	quiet    = time.Second
	patience = 20 * time.Second
)

// memoryCommand measures the memory that a server holds for an idle connection.
type memoryCommand struct {
	Conns   int      `default:"10000" help:"Connections; needs as many descriptors."`
	Size    int      `default:"100" help:"Payload of the one message that each connection echoes, in bytes."`
	Peers   []string `name:"peers" default:"${peers}" help:"Which servers, in this order."`
	Against string   `default:"gws" help:"The server that ratios refer to."`
	Rounds  int      `default:"3" help:"Rounds over all servers."`
	Check   bool     `help:"Exit 1 if framerail needs more than the bar."`
	Bar     int64    `default:"350" help:"The bar of --check, in bytes for each connection."`
}

// perConn is what one connection adds to the server, in bytes.
type perConn struct {
	proc.Resident       // as it stands
	collected     int64 // all of it, after a garbage collection asked for
}

func (m *memoryCommand) Run(ctx context.Context) error {
	list, err := choose(m.Peers, m.Against)
	if err != nil {
		return err
	}
	if m.Conns < 1 || m.Rounds < 1 {
		return errors.New("nothing to measure: it takes a connection and a round")
	}
	rounds := make(map[string][]perConn)
	for range m.Rounds {
		for _, p := range list {
			one, err := m.one(ctx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			rounds[p.Name] = append(rounds[p.Name], one)
		}
	}
	medians := m.print(list, rounds)
	if !m.Check {
		return nil
	}
	got, measured := medians["framerail"]
	if !measured {
		return errors.New("--check needs framerail among the peers")
	}
	fmt.Printf("framerail: %d B for each connection (bar: at most %d B)\n", got, m.Bar)
	if got > m.Bar {
		return errOverBar
	}
	return nil
}

func (m *memoryCommand) one(ctx context.Context, peer peers.Peer) (result perConn, err error) {
	s, err := startServer(ctx, peer.Name, -1)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()

	warmup, err := m.echoed(s, warmupConns, peer)
	if err != nil {
		return result, err
	}
	if err := warmup.Close(); err != nil {
		return result, err
	}
	before, err := settled(ctx, s.Pid())
	if err != nil {
		return result, err
	}

	clients, err := m.echoed(s, m.Conns, peer)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, clients.Close()) }()
	after, err := settled(ctx, s.Pid())
	if err != nil {
		return result, err
	}

	if _, err := s.Ask("collect"); err != nil {
		return result, err
	}
	collected, err := settled(ctx, s.Pid())
	if err != nil {
		return result, err
	}
	n := int64(m.Conns)
	return perConn{
		Resident:  proc.Resident{All: (after.All - before.All) / n, Anonymous: (after.Anonymous - before.Anonymous) / n},
		collected: (collected.All - before.All) / n,
	}, nil
}

// echoed opens connections, each of which has echoed one message.
func (m *memoryCommand) echoed(s *child, conns int, peer peers.Peer) (*load.Clients, error) {
	clients, err := load.Dial(load.Options{Addr: s.First, Conns: conns, Opcode: wire.Text, Size: m.Size, Offer: offer(peer), Secure: peer.Secure})
	if err != nil {
		return nil, err
	}
	if err := clients.Once(); err != nil {
		return nil, errors.Join(err, clients.Close())
	}
	return clients, nil
}

// settled waits until the memory of a process no longer changes.
func settled(ctx context.Context, pid int) (last proc.Resident, err error) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	start := time.Now()
	for since := start; time.Since(since) < quiet && time.Since(start) < patience; {
		now, err := proc.Memory(pid)
		if err != nil {
			return now, err
		}
		if now != last {
			last, since = now, time.Now()
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-ticker.C:
		}
	}
	return last, nil
}

// print writes the table and returns the resident memory of each peer.
func (m *memoryCommand) print(list []peers.Peer, rounds map[string][]perConn) map[string]int64 {
	fmt.Printf("%d connections, idle after one echo of %d B, %d rounds; bytes of the server's memory per connection\n",
		m.Conns, m.Size, m.Rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "peer\tversion\tresident\tanonymous\tafter collecting\t/ %s\t\n", m.Against)
	medians := make(map[string]int64)
	middle := func(name string, figure func(perConn) int64) int64 {
		var values []int64
		for _, one := range rounds[name] {
			values = append(values, figure(one))
		}
		return median(values)
	}
	for _, p := range list {
		medians[p.Name] = middle(p.Name, func(c perConn) int64 { return c.All })
	}
	for _, p := range list {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%.3f\t\n", p.Name, p.Version(), medians[p.Name],
			middle(p.Name, func(c perConn) int64 { return c.Anonymous }),
			middle(p.Name, func(c perConn) int64 { return c.collected }),
			float64(medians[p.Name])/float64(medians[m.Against]))
	}
	w.Flush()
	fmt.Println()
	return medians
}
