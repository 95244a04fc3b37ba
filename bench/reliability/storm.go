//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/framerail/framerail/bench/internal/proc"
	"github.com/framerail/framerail/server"
)

// stormCommand dials a server that has few descriptors left far more often than it
// can accept. Broken, a server tries again at once, and burns its CPU.
type stormCommand struct {
	scale
	security
	Dials    int           `default:"1000" help:"Connections that come while the server can accept no more."`
	Duration time.Duration `default:"5s" help:"How long the storm goes on."`
	Slack    time.Duration `default:"1s" help:"Until the server must accept again after the storm."`
}

const (
	stormDescriptors = 64
	stormLive        = 10
	stormCPU         = 0.05 // of one core
)

func (b *stormCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Dials, b.Duration = 200, 2*time.Second
	}
	// The handshake timeout is beyond the storm: the server gets no descriptor back
	// by itself.
	set := setup{Program: "echo", Descriptors: stormDescriptors, Limits: server.Limits{MaxConnections: -1, HandshakeTimeout: time.Minute}}
	if b.Break {
		set = setup{Faulty: "spinning", Descriptors: stormDescriptors}
	}
	return against(ctx, set, b.storm)
}

func (b *stormCommand) storm(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	live := make([]*client, stormLive)
	defer func() { closeAll(live) }()
	for i := range live {
		if live[i], err = open(ctx, p.addr, "/"); err != nil {
			return "", err
		}
	}
	// The kernel connects them all; the server accepts what it can.
	storm := make([]*client, b.Dials)
	defer func() { closeAll(storm) }()
	for i := range storm {
		if storm[i], err = connectTCP(ctx, netip.Addr{}, p.addr); err != nil {
			return "", err
		}
	}

	// What the server does for those it did accept is not part of the figure.
	sleep(ctx, 200*time.Millisecond)
	before, err := p.cpu()
	if err != nil {
		return "", err
	}
	start := time.Now()
	echoes := 0
	for time.Since(start) < b.Duration && ctx.Err() == nil {
		for i, c := range live {
			if err := c.extend(patience); err != nil {
				return "", err
			}
			if err := c.echo([]byte("in the storm")); err != nil {
				v.miss("live connection %d: %v", i, err)
				return "live connections did not go on", nil
			}
			echoes++
		}
		sleep(ctx, 100*time.Millisecond)
	}
	after, err := p.cpu()
	if err != nil {
		return "", err
	}
	share := (after - before).Seconds() / time.Since(start).Seconds()
	v.measure(share <= stormCPU, "the server used %.1f%% of a core", 100*share)
	n, err := proc.Descriptors(p.Pid())
	if err != nil {
		return "", err
	}
	v.expect(n >= stormDescriptors-2, "only %d of %d descriptors were in use: it was no storm", n, stormDescriptors)

	closeAll(storm)
	storm = nil
	start = time.Now()
	err = oneLife(ctx, p.addr)
	resumed := time.Since(start)
	v.expect(err == nil && resumed <= b.Slack, "accepting again: after %v, %v", resumed, err)
	return fmt.Sprintf("%d dials at a limit of %d descriptors: %.1f%% CPU (bar: %.0f%%), %d echoes on %d live connections, accepts again after %v (bar: %v)",
		b.Dials, stormDescriptors, 100*share, 100*stormCPU, echoes, stormLive, resumed.Round(time.Millisecond), b.Slack), nil
}
