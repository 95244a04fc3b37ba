//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/server"
)

// slowlorisCommand has clients send their request a byte at a time, or their TLS handshake, or what comes
// behind their ClientHello. Broken, the server has no handshake timeout to speak of.
type slowlorisCommand struct {
	scale
	security
	Conns    int           `default:"10000" help:"Slow clients; each needs a descriptor."`
	Timeout  time.Duration `default:"5s" help:"The server's handshake timeout."`
	Interval time.Duration `default:"1s" help:"Time between two bytes of a client."`
	Slack    time.Duration `default:"1s" help:"How far from the deadline a connection may end."`
}

func (b *slowlorisCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short { // handshakes of others have to be done by then, on a busy machine too
		b.Conns, b.Timeout, b.Interval = 200, 5*time.Second, 200*time.Millisecond
	}
	if b.Short && b.TLS {
		b.Conns = 100
	}
	set := setup{Program: "echo", Limits: server.Limits{HandshakeTimeout: either(b.scale, b.Timeout, time.Hour)}}
	return against(ctx, set, b.attack)
}

func (b *slowlorisCommand) attack(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	before, err := p.stats()
	if err != nil {
		return "", err
	}
	attack, ended := context.WithCancel(ctx)
	healthy := make(chan []time.Duration, 1)
	go func() { healthy <- b.healthy(attack, v, p.addr) }()

	lives, holders, err := b.besiege(ctx, v, p.addr)
	ended()
	times := <-healthy
	if err != nil {
		return "", err
	}

	shortest, longest := slices.Min(lives), slices.Max(lives)
	v.expect(shortest >= b.Timeout*9/10 && longest <= b.Timeout+b.Slack,
		"slow clients lived for %v to %v, with a timeout of %v", shortest, longest, b.Timeout)
	if len(holders) > 0 {
		v.expect(slices.Max(holders) <= b.Timeout+b.Slack, "one who held a TLS handshake lived for %v, with a timeout of %v", slices.Max(holders), b.Timeout)
	}
	v.expect(len(times) > 0, "no healthy client came to connect")
	after, err := p.settle(ctx, before)
	if err != nil {
		return "", err
	}
	v.expect(after.Descriptors <= before.Descriptors, "descriptors: %d before, %d after", before.Descriptors, after.Descriptors)
	slices.Sort(times)
	var median, worst time.Duration
	if n := len(times); n > 0 {
		median, worst = times[n/2], times[n-1]
	}
	figure = fmt.Sprintf("%d slow clients ended after %.2f to %.2f s (timeout %v)", len(lives), shortest.Seconds(), longest.Seconds(), b.Timeout)
	if len(holders) > 0 {
		figure += fmt.Sprintf(", %d that held a TLS handshake after %.2f to %.2f s", len(holders), slices.Min(holders).Seconds(), slices.Max(holders).Seconds())
	}
	return fmt.Sprintf("%s; %d healthy handshakes meanwhile, median %v, slowest %v",
		figure, len(times), median.Round(time.Microsecond), worst.Round(time.Millisecond)), nil
}

// besiege returns how long each slow client lived, those that held a TLS handshake apart.
// All connect within a moment, a few at a time, and then live side by side.
func (b *slowlorisCommand) besiege(ctx context.Context, v *verdict, addr string) (lives, holders []time.Duration, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	err = each(ctx, b.Conns, 16, func(ctx context.Context, i int) error {
		start := time.Now()
		c, slow, holds, err := b.slow(ctx, addr, i)
		if err != nil {
			return err
		}
		group.Go(func() {
			defer c.Close()
			err := c.trickle(slow, b.Interval, start.Add(b.Timeout+b.Slack))
			mu.Lock()
			defer mu.Unlock()
			if life := time.Since(start); holds {
				holders = append(holders, life)
			} else {
				lives = append(lives, life)
			}
			v.expect(err == nil, "slow client %d: %v", i, err)
		})
		return nil
	})
	group.Wait()
	return lives, holders, err
}

// slow is a connection, and what is to be sent on it at leisure: the request or, over TLS, with every
// third one the ClientHello, and with every third a record behind that, as if a handshake went on. Such a
// one holds what others may want and may lose it before its time is over.
func (b *slowlorisCommand) slow(ctx context.Context, addr string, i int) (c *client, slow []byte, holds bool, err error) {
	if !b.TLS || i%3 == 0 {
		c, err := connect(ctx, addr)
		return c, wire.Request(addr, "/"), false, err
	}
	c, err = connectTCP(ctx, netip.Addr{}, addr)
	if err != nil || i%3 == 1 {
		return c, clientHello(), false, err
	}
	_, err = c.Write(clientHello())
	record := [5 + 1<<10]byte{23, 3, 3, 4, 0} // RFC 8446 5.1
	return c, record[:], true, err
}

// trickle sends b slowly until the connection ends, and fails if it does not end
// until then.
func (c *client) trickle(b []byte, interval time.Duration, until time.Time) error {
	for {
		_, err := c.Write(b[:1])
		b = b[1:]
		if err == nil {
			if err := c.SetReadDeadline(time.Now().Add(interval)); err != nil {
				return err
			}
			// The answer, if it comes at all, is the refusal; the end follows.
			_, err = io.Copy(io.Discard, c.in)
		}
		switch {
		case err == nil, errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case !timedOut(err):
			return err
		case time.Now().After(until) || len(b) == 1:
			return errors.New("was let go on")
		}
	}
}

// healthy connects and echoes, one client after the other, and returns how long
// each took.
func (b *slowlorisCommand) healthy(ctx context.Context, v *verdict, addr string) (times []time.Duration) {
	for ; ctx.Err() == nil; sleep(ctx, 10*time.Millisecond) {
		start := time.Now()
		// Not ctx: its end is no failure of the server.
		err := oneLife(context.WithoutCancel(ctx), addr)
		v.expect(err == nil, "a healthy client: %v", err)
		times = append(times, time.Since(start))
	}
	return times
}
