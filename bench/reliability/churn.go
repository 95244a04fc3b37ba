//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

// churnCommand opens a connection, echoes once and closes, over and over. Broken,
// the program keeps what it was given.
type churnCommand struct {
	scale
	way
	Count   int `default:"1000000" help:"Connections, one after the other."`
	Warmup  int `default:"20000" help:"Connections before the baseline, in which tables grow to their size."`
	Workers int `default:"16" help:"How many at a time."`
}

func (b *churnCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Warmup, b.Count = 2000, 2000
	}
	return against(ctx, setup{Program: either(b.scale, "echo", "keep")}, b.churn)
}

func (b *churnCommand) churn(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	fresh, err := p.stats()
	if err != nil {
		return "", err
	}
	if err := b.lives(ctx, p.addr, b.Warmup); err != nil {
		return "", err
	}
	before, err := p.settle(ctx, fresh)
	if err != nil {
		return "", err
	}
	start := time.Now()
	if err := b.lives(ctx, p.addr, b.Count); err != nil {
		return "", err
	}
	rate := float64(b.Count) / time.Since(start).Seconds()
	after, err := p.settle(ctx, before)
	if err != nil {
		return "", err
	}
	v.expect(after.Descriptors <= before.Descriptors, "descriptors: %d before, %d after", before.Descriptors, after.Descriptors)
	v.expect(after.Goroutines <= before.Goroutines, "goroutines: %d before, %d after", before.Goroutines, after.Goroutines)
	slack := before.Heap / 100
	if b.Short {
		slack = 16 << 10 // tables may still grow after so short a warm-up
		if b.TLS {
			slack = 64 << 10 // crypto/tls has more of them
		}
	}
	v.measure(after.Heap <= before.Heap+slack, "heap: %d B before, %d B after", before.Heap, after.Heap)
	v.expect(after.Opened == int64(b.Warmup+b.Count) && after.Closed == after.Opened,
		"of %d connections %d opened and %d closed", b.Warmup+b.Count, after.Opened, after.Closed)
	return fmt.Sprintf("%d connections, %.0f/s; descriptors %d, then %d; goroutines %d, then %d; heap %d B, then %d B",
		b.Count, rate, before.Descriptors, after.Descriptors, before.Goroutines, after.Goroutines, before.Heap, after.Heap), nil
}

func (b *churnCommand) lives(ctx context.Context, addr string, n int) error {
	return each(ctx, n, b.Workers, func(ctx context.Context, _ int) error { return oneLife(ctx, addr) })
}
