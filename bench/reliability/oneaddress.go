//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/framerail/framerail/server"
)

// oneAddressCommand has one address dial far faster than handshakes are allowed, beyond its
// limit, or only to reset what it has dialled. How long the handshakes of another take is
// held against the same while the first one dials another server, so that the machine is as
// busy. Broken, there is no limit by address.
type oneAddressCommand struct {
	scale
	Ratio    float64       `default:"2" help:"How many times as long a handshake may take, by the median."`
	Rate     int           `default:"50" help:"Handshakes allowed in a second."`
	Dials    int           `default:"500" help:"How often the one address dials in a second."`
	Duration time.Duration `default:"10s" help:"How long it does, in each of four parts."`
}

// oneAddressShare is how many connections an address may have.
const oneAddressShare = 4

func (b *oneAddressCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Duration, b.Rate, b.Dials = 2*time.Second, 20, 300
	}
	v := new(verdict)
	limits := server.Limits{HandshakesPerSecond: b.Rate, MaxConnectionsPerAddress: either(b.scale, oneAddressShare, -1)}
	var figure string
	err := withServer(ctx, v, setup{Program: "echo", Limits: limits}, func(p *process) error {
		return withServer(ctx, v, setup{Program: "echo", Limits: limits}, func(other *process) (err error) {
			figure, err = b.attack(ctx, v, p, other)
			return err
		})
	})
	if err != nil {
		return err
	}
	return v.finish("%d dials a second from one address, at %d handshakes a second: %s", b.Dials, b.Rate, figure)
}

func (b *oneAddressCommand) attack(ctx context.Context, v *verdict, p, other *process) (figure string, err error) {
	bad, good := netip.AddrFrom4([4]byte{127, 0, 3, 1}), netip.AddrFrom4([4]byte{127, 0, 3, 2})
	for _, addr := range []string{p.addr, other.addr} {
		for range oneAddressShare { // all that it may have
			c, err := connectFrom(ctx, bad, addr)
			if err != nil {
				return "", err
			}
			defer c.Close()
			if err := c.handshake(addr, "/"); err != nil {
				return "", err
			}
		}
	}
	for _, reset := range []bool{false, true} {
		var took [2][]time.Duration
		for i, target := range []string{other.addr, p.addr} {
			flood, stop := context.WithTimeout(ctx, b.Duration)
			var dials int
			var group sync.WaitGroup
			group.Go(func() { dials = b.flood(flood, bad, target, reset) })
			took[i] = b.handshakes(flood, v, good, p.addr)
			stop()
			group.Wait()
			v.measure(dials > b.Rate*2*int(b.Duration/time.Second), "no more than %d dials", dials)
		}
		if len(took[0]) == 0 || len(took[1]) == 0 {
			v.miss("no handshake was done")
			continue
		}
		before, beside := took[0][len(took[0])/2], took[1][len(took[1])/2]
		v.measure(float64(beside) <= b.Ratio*float64(before), "a handshake takes %v, and %v undisturbed", beside, before)
		what := "beyond its limit"
		if reset {
			what = "; that it resets"
		}
		figure += fmt.Sprintf("%s %.2f times as long for others (%v), slowest %v", what, float64(beside)/float64(before),
			beside.Round(10*time.Microsecond), took[1][len(took[1])-1].Round(time.Millisecond))
	}
	return figure, nil
}

// flood dials until ctx is done, and resets each at once, or closes it a second later.
func (b *oneAddressCommand) flood(ctx context.Context, from netip.Addr, addr string, reset bool) (dials int) {
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	var kept []*client
	defer func() { closeAll(kept) }()
	for ctx.Err() == nil {
		for range b.Dials / 100 {
			c, err := connectTCP(ctx, from, addr)
			if err != nil {
				continue // it is no client to be fair to
			}
			if dials++; reset {
				_ = c.tcp.SetLinger(0)
				_ = c.Close()
				continue
			}
			if kept = append(kept, c); len(kept) > b.Dials {
				_ = kept[0].Close()
				kept = kept[1:]
			}
		}
		<-ticks.C
	}
	return dials
}

// handshakes are how long another address's take, one after the other, shortest first.
func (b *oneAddressCommand) handshakes(ctx context.Context, v *verdict, from netip.Addr, addr string) (took []time.Duration) {
	pause := time.Second / time.Duration(b.Rate) * 4
	for ; ctx.Err() == nil; sleep(ctx, pause) {
		begin := time.Now()
		c, err := connectFrom(context.WithoutCancel(ctx), from, addr)
		if err == nil {
			err = c.handshake(addr, "/")
		}
		if err != nil {
			v.miss("another address: %v", err)
			continue
		}
		took = append(took, time.Since(begin))
		_ = c.finish(1000)
	}
	slices.Sort(took)
	return took
}
