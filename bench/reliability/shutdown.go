//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/bench/internal/proc"
	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/server"
)

// shutdownCommand shuts a server down while all its clients echo as fast as they
// can, over and over. Broken, the server is closed at once.
type shutdownCommand struct {
	scale
	way
	Rounds int           `default:"1000" help:"Servers, one after the other."`
	Conns  int           `default:"1000" help:"Connections of each."`
	Load   time.Duration `default:"100ms" help:"How long all echo before the shutdown."`
	Grace  time.Duration `default:"20s" help:"Deadline of the shutdown."`
}

func (b *shutdownCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Rounds, b.Conns = 3, 100
	}
	v := new(verdict)
	var echoes atomic.Int64
	var times []time.Duration
	before, err := proc.Descriptors(os.Getpid())
	if err != nil {
		return err
	}
	for round := 0; round < b.Rounds && ctx.Err() == nil; round++ {
		took, err := b.round(ctx, v, &echoes)
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		times = append(times, took)
		// The first round opens what the process then keeps, such as its netpoller.
		if round == 0 {
			before, err = proc.Descriptors(os.Getpid())
		}
		after, err2 := proc.Descriptors(os.Getpid())
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		v.expect(after <= before, "round %d: descriptors: %d before, %d after", round, before, after)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	slices.Sort(times)
	return v.finish("%d shutdowns of %d connections at full echo, %d messages, each echoed or followed by 1001; all %d closed cleanly, 0 bytes lost; back after %v (median), %v (longest); no descriptor left",
		b.Rounds, b.Conns, echoes.Load(), b.Rounds*b.Conns, times[len(times)/2].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond))
}

func (b *shutdownCommand) round(ctx context.Context, v *verdict, echoes *atomic.Int64) (took time.Duration, err error) {
	srv := newLocal(ctx)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	srv.begin(ln)
	defer srv.Close()
	clients, err := openAll(ctx, ln.Addr().String(), b.Conns)
	defer closeAll(clients)
	if err != nil {
		return 0, err
	}
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() {
			n, _, err := c.echoUntil1001(math.MaxInt)
			echoes.Add(int64(n))
			v.expect(err == nil, "connection %d after %d echoes: %v", i, n, err)
		})
	}
	sleep(ctx, b.Load)

	ctx, cancel := context.WithTimeout(ctx, b.Grace)
	defer cancel()
	start := time.Now()
	var drained server.Drain
	if b.Break {
		err = srv.Close()
	} else {
		drained, err = srv.Shutdown(ctx)
	}
	took = time.Since(start)
	v.expect(err == nil && took <= b.Grace, "shutdown after %v: %v", took, err)
	ended := srv.clean.Load() + srv.cut.Load()
	v.expect(ended == srv.opened.Load(), "%d connections opened, %d close callbacks", srv.opened.Load(), ended)
	want := server.Drain{Clean: b.Conns}
	v.expect(drained == want, "the drain ended in %+v, want %+v", drained, want)
	group.Wait()
	return took, nil
}

// echoUntil1001 echoes, at most so often, until the server says that it goes away,
// which it must not do in the middle of an echo, and answers. What is sent then may go
// unanswered. It returns how many echoes there were, and whether it was told 1001.
func (c *client) echoUntil1001(most int) (n int, goingAway bool, err error) {
	for payload := []byte("0123456789abcdefghij"); n < most; n++ {
		payload[0] = byte('0' + n%10)
		if err := c.send(wire.Text, payload); err != nil {
			return n, false, err
		}
		opcode, got, err := c.receive()
		switch {
		case err != nil:
			return n, false, err
		case opcode == wire.Close && strings.HasPrefix(string(got), "\x03\xe9"):
			if err := c.send(wire.Close, got[:2]); err != nil {
				return n, false, err
			}
			if _, err := io.Copy(io.Discard, c.in); err != nil {
				return n, true, fmt.Errorf("behind the Close: %w", err)
			}
			return n, true, nil
		case opcode != wire.Text || string(got) != string(payload):
			return n, false, fmt.Errorf("opcode %#x with %q is no echo of %q", opcode, got, payload)
		}
	}
	return n, false, nil
}
