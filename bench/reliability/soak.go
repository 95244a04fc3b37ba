//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// soakCommand echoes messages of many sizes and shapes at half the peak, for long, and
// compares the end with the beginning. The machine may have other work at one time
// than at another: a few connections to a plain server beside it, which does nothing
// but echo, say how late an echo was then for reasons of the machine's. Broken, the
// program keeps some bytes of each message; or, to show that lateness is seen, it takes longer
// and longer.
type soakCommand struct {
	scale
	way
	Duration time.Duration `default:"4h" help:"How long, after the peak was found."`
	Windows  int           `default:"30" help:"Parts of that time, with a garbage collection behind each."`
	Conns    int           `default:"50" help:"Connections."`
	Ratio    float64       `default:"1.1" help:"The most that p99 may be at the end, of what it was at first."`
	Seed     uint64        `default:"1" help:"Of the messages."`
	Slowing  bool          `hidden:"" help:"The program takes longer for each message than for the one before: p99 must be missed."`
}

// soakBeside is how many connections go to the plain server. soakSlack is what the
// heap may grow by, besides a hundredth: tables that reach their size late.
// soakRecords is what each connection may need more over TLS: crypto/tls keeps a buffer for
// the most that has come at once, which may come late.
const soakBeside, soakSlack, soakRecords = 10, 32 << 10, 16 << 10

// soakShortRatio is for windows of a fifth of a second, whose p99 is that of a thousand echoes.
const soakShortRatio = 1.5

func (b *soakCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Duration, b.Conns = 6*time.Second, 10
		b.Ratio = max(b.Ratio, soakShortRatio)
	}
	if b.Windows < 3 {
		return errors.New("it takes a first, a middle and a last window at least")
	}
	v := new(verdict)
	var figure string
	// To find the peak, clients send faster than any should.
	program := either(b.scale, "echo", "hoard")
	if b.Slowing {
		program = "slowing"
	}
	set := setup{Program: program, Limits: server.Limits{Limits: conn.Limits{MessagesPerSecond: -1, ControlFramesPerSecond: -1, CompressionPerSecond: -1}}}
	err := withServer(ctx, v, setup{Faulty: "plain"}, func(plain *process) error {
		return withServer(ctx, v, set, func(p *process) (err error) {
			figure, err = b.soak(ctx, v, p, plain)
			return err
		})
	})
	if err != nil {
		return err
	}
	return v.finish("%s", figure)
}

// soakClient echoes at its own pace, and notes how late.
type soakClient struct {
	*client
	r         *rand.Rand
	fragments bool
	late      []time.Duration // in this window
}

func (b *soakCommand) soak(ctx context.Context, v *verdict, p, plain *process) (figure string, err error) {
	var clients, beside []*soakClient
	for i := range b.Conns + soakBeside {
		addr, list := p.addr, &clients
		if i >= b.Conns {
			addr, list = plain.addr, &beside
		}
		c, err := open(ctx, addr, "/")
		if err != nil {
			return "", err
		}
		defer c.reset()
		*list = append(*list, &soakClient{client: c, r: rand.New(rand.NewPCG(b.Seed, uint64(i))), fragments: i < b.Conns})
	}
	window := b.Duration / time.Duration(b.Windows)
	peak, err := findPeak(ctx, clients, min(b.Duration/6, 5*time.Second))
	if err != nil {
		return "", err
	}
	pace := 2 * time.Duration(len(clients)) * time.Second / time.Duration(max(1, peak))

	var ours, plains, heaps []float64
	echoes := 0
	for range b.Windows {
		if err := run(ctx, append(clients, beside...), window, pace); err != nil {
			v.miss("%v", err)
			return "an echo failed", nil
		}
		n, late := p99(clients)
		echoes += n
		ours = append(ours, late)
		_, late = p99(beside)
		plains = append(plains, late)
		s, err := p.stats()
		if err != nil {
			return "", err
		}
		heaps = append(heaps, float64(s.Heap))
	}
	grown, allowed := slope(heaps)*float64(len(heaps)-1), soakSlack+heaps[0]/100
	if b.TLS {
		allowed += float64(b.Conns * soakRecords)
	}
	v.expect(grown <= allowed, "the heap grew by %.0f B, from %.0f B", grown, heaps[0])
	third := b.Windows / 3
	first, last := middle(ours[:third])/middle(plains[:third]), middle(ours[b.Windows-third:])/middle(plains[b.Windows-third:])
	v.measure(last <= b.Ratio*first, "p99 is %.2f of the plain server's at the end, and was %.2f", last, first)
	return fmt.Sprintf("%d echoes on %d connections in %v, at half of %.0f/s; heap grew by %.0f B of %.0f B (bar: %.0f B); p99 %.1f ms, of the plain server's %.2f at first and %.2f at the end: %.2f (bar: %.2f)",
		echoes, b.Conns, b.Duration, peak, grown, heaps[0], allowed, 1000*middle(ours), first, last, last/first, b.Ratio), nil
}

// findPeak finds the peak: echoes in a second without a pause.
func findPeak(ctx context.Context, clients []*soakClient, d time.Duration) (peak float64, err error) {
	if err := run(ctx, clients, d, 0); err != nil {
		return 0, err
	}
	n, _ := p99(clients)
	return float64(n) / d.Seconds(), nil
}

// run has each client echo, one message in each stretch of pace, for d.
func run(ctx context.Context, clients []*soakClient, d, pace time.Duration) error {
	var group sync.WaitGroup
	failed := make(chan error, len(clients))
	for _, c := range clients {
		group.Go(func() {
			end := time.Now().Add(d)
			next := time.Now().Add(time.Duration(c.r.Int64N(int64(pace) + 1)))
			for c.late = c.late[:0]; next.Before(end) && ctx.Err() == nil; {
				sleep(ctx, time.Until(next))
				start := time.Now()
				if err := c.one(); err != nil {
					failed <- err
					return
				}
				c.late = append(c.late, time.Since(start))
				if next = next.Add(pace); next.Before(start) {
					next = time.Now()
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return ctx.Err()
	}
}

// one echoes one message. The plain server knows neither fragments nor pings nor
// lengths of 64 bits.
func (c *soakClient) one() error {
	if err := c.extend(patience); err != nil {
		return err
	}
	payload := wire.Payload(c.r.IntN(1<<(1+c.r.IntN(15))), c.r.IntN(95))
	opcode := byte(wire.Binary)
	if c.fragments {
		c.out = appendFragments(c.out[:0], c.r, payload)
	} else {
		c.out = wire.AppendFrame(c.out[:0], true, opcode, randomKey(c.r), payload)
	}
	if _, err := c.Write(c.out); err != nil {
		return err
	}
	for {
		got, echo, err := c.receive()
		if err != nil {
			return err
		}
		if got == wire.Pong {
			continue
		}
		if got != opcode || !bytes.Equal(echo, payload) {
			return fmt.Errorf("opcode %#x with %d bytes is no echo of %d", got, len(echo), len(payload))
		}
		return nil
	}
}

// p99 is how late all but a hundredth were in this window, in seconds.
func p99(clients []*soakClient) (n int, seconds float64) {
	var all []time.Duration
	for _, c := range clients {
		all = append(all, c.late...)
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return len(all), all[len(all)*99/100].Seconds()
}

// middle is the median.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// slope is that of the line through values, for each step, by least squares.
func slope(values []float64) float64 {
	n := float64(len(values))
	var x, y, xx, xy float64
	for i, value := range values {
		at := float64(i)
		x, y, xx, xy = x+at, y+value, xx+at*at, xy+at*value
	}
	return (n*xy - x*y) / (n*xx - x*x)
}

// hoard is broken: it keeps some bytes of each message.
func hoard(srv *server.Server, _ *counters) {
	var mu sync.Mutex
	var kept [][]byte
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		mu.Lock()
		kept = append(kept, make([]byte, 500))
		mu.Unlock()
		echo(c, m)
	}
}

// slowing is broken: it takes longer for each message, the more so the longer it runs.
func slowing(srv *server.Server, _ *counters) {
	began := time.Now()
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		age := time.Since(began).Seconds()
		time.Sleep(time.Duration(age*age*400) * time.Microsecond)
		echo(c, m)
	}
}
