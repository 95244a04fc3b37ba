//go:build linux

package main

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// admissionCommand has more clients come than the limits allow: from one address, in
// all, and in a second. Broken, there are no limits.
type admissionCommand struct {
	scale
	Addresses int `default:"20" help:"Addresses that clients come from."`
	Share     int `default:"400" help:"Connections allowed from each; all of them together are allowed in all."`
	Rate      int `default:"1000" help:"Handshakes allowed in a second."`
}

func (b *admissionCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Addresses, b.Share, b.Rate = 5, 40, 200
	}
	v := new(verdict)
	limits := server.Limits{MaxConnections: b.Addresses * b.Share, MaxConnectionsPerAddress: b.Share, HandshakesPerSecond: -1}
	rate := server.Limits{HandshakesPerSecond: b.Rate}
	if b.Break {
		limits, rate = server.Limits{HandshakesPerSecond: -1}, server.Limits{HandshakesPerSecond: -1}
	}
	refused := 0
	err := withServer(ctx, v, setup{Program: "echo", Limits: limits}, func(p *process) (err error) {
		refused, err = b.fill(ctx, v, p.addr)
		return err
	})
	if err != nil {
		return err
	}
	b.networks(v, limits)
	var took time.Duration
	err = withServer(ctx, v, setup{Program: "echo", Limits: rate}, func(p *process) (err error) {
		took, err = b.outpace(ctx, v, p.addr)
		return err
	})
	if err != nil {
		return err
	}
	return v.finish("%d connections of %d each from %d addresses let in, %d beyond refused with 429 and 503; as many from an IPv6 network as from an address; %d handshakes at %d a second took %.2f s, none failed",
		limits.MaxConnections, b.Share, b.Addresses, refused, b.excess(), b.Rate, took.Seconds())
}

// admissionBeyond is how many more than allowed try, from each address and in all.
const admissionBeyond = 10

// fill takes every place there is, and tries for more. All but the last address want
// too much at first: that makes 429. Once the last one has its share too there is no
// place for anybody else, and then there is one again.
func (b *admissionCommand) fill(ctx context.Context, v *verdict, addr string) (refused int, err error) {
	a := attempts{v: v, addr: addr}
	defer func() { closeAll(a.in) }()
	source := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)}) }
	last := source(b.Addresses - 1)
	err = each(ctx, b.Addresses-1, 4, func(ctx context.Context, i int) error {
		return a.try(ctx, source(i), b.Share, http.StatusSwitchingProtocols)
	})
	// One by one: when many are refused at a time, some of them get no answer.
	for i := 0; i < b.Addresses-1 && err == nil; i++ {
		err = a.try(ctx, source(i), admissionBeyond, http.StatusTooManyRequests)
	}
	if err != nil {
		return a.refused, err
	}
	if err := a.try(ctx, last, b.Share, http.StatusSwitchingProtocols); err != nil {
		return a.refused, err
	}
	if err := a.try(ctx, source(b.Addresses), admissionBeyond, http.StatusServiceUnavailable); err != nil {
		return a.refused, err
	}
	for i, c := range a.in {
		err := c.echo([]byte("one of those let in"))
		v.expect(err == nil, "client %d: %v", i, err)
	}
	if err := a.in[0].finish(1000); err != nil {
		return a.refused, err
	}
	back, err := eventually(ctx, patience, func() (bool, error) {
		c, err := connect(ctx, addr)
		if err != nil {
			return false, err
		}
		defer c.Close()
		status, err := c.ask(addr)
		return status == http.StatusSwitchingProtocols, err
	})
	v.expect(back, "there is no room where somebody has left")
	return a.refused, err
}

// attempts are clients that connected to addr: those let in, and how many were not.
type attempts struct {
	v    *verdict
	addr string

	mu      sync.Mutex
	in      []*client
	refused int
}

// try connects n times from an address, and wants that status each time.
func (a *attempts) try(ctx context.Context, from netip.Addr, n, want int) error {
	for range n {
		c, err := connectFrom(ctx, from, a.addr)
		if err != nil {
			return err
		}
		status, err := c.ask(a.addr)
		a.v.expect(err == nil && status == want, "from %v: status %d, %v; want %d", from, status, err, want)
		if err := a.note(c, status); err != nil {
			return err
		}
	}
	return nil
}

// note keeps a client that was let in, and closes one that was not.
func (a *attempts) note(c *client, status int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if status == http.StatusSwitchingProtocols {
		a.in = append(a.in, c)
		return nil
	}
	a.refused++
	return c.Close()
}

// networks has clients come from IPv6 addresses, on a simulated machine.
func (b *admissionCommand) networks(v *verdict, limits server.Limits) {
	srv := newLocal(context.Background())
	srv.Limits = limits
	sim := servertest.New(1, srv.Server)
	from := func(network, host byte, n, want int) {
		for i := range n {
			a := [16]byte{0x20, 0x01, 0x0d, 0xb8, 7: network, 8: host, 14: byte(i >> 8), 15: byte(i)}
			c := sim.DialWith(servertest.Request{From: netip.AddrPortFrom(netip.AddrFrom16(a), 1024)})
			sim.Settle()
			r := c.Response()
			v.expect(r != nil && r.StatusCode == want, "client %d from network %d: %v, want %d", i, network, r, want)
			if want != http.StatusSwitchingProtocols {
				c.Leave()
			}
		}
	}
	from(1, 0, b.Share, http.StatusSwitchingProtocols)
	from(1, 1, admissionBeyond, http.StatusTooManyRequests) // of the same 64 bits
	from(2, 0, b.Share, http.StatusSwitchingProtocols)
	if err := sim.Close(); err != nil {
		v.miss("the simulated server: %v", err)
	}
}

// excess is how many handshakes come as fast as they can.
func (b *admissionCommand) excess() int { return 3 * b.Rate }

// outpace connects as often as it can. A second's worth passes at once, and the rest at
// the rate allowed.
func (b *admissionCommand) outpace(ctx context.Context, v *verdict, addr string) (time.Duration, error) {
	begin := time.Now()
	clients, err := openAll(ctx, addr, b.excess())
	took := time.Since(begin)
	defer closeAll(clients)
	least := time.Duration(b.excess()-b.Rate) * time.Second / time.Duration(b.Rate)
	v.expect(took >= least*95/100, "%d handshakes took %v, at %d a second", b.excess(), took, b.Rate)
	return took, err
}
