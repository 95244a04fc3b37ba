//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// budgetCommand has clients fill the server's buffers: half of them with messages that
// they do not finish, half by not reading their echoes. Together they want four times
// what there is. Broken, there is no budget.
type budgetCommand struct {
	scale
	way
	MiB  int `default:"64" help:"The budget of the server's buffers; not less than 64."`
	Over int `default:"10" help:"By how much it may be passed, in percent: what comes while the loops are asked who holds most."`
}

const (
	// budgetWant is what each client has the server hold, in bytes, at least;
	// budgetPending is a bound at which it may.
	budgetWant    = 1 << 20
	budgetPending = 4 << 20
	// budgetPiece is the size of the fragments, and of the messages that are echoed.
	budgetPiece = 16 << 10
	// budgetSurvivors is how many echo all the while.
	budgetSurvivors = 4
)

func (b *budgetCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	limits := server.Limits{
		MaxBuffers: int64(either(b.scale, b.MiB<<20, -1)), Limits: conn.Limits{MaxMessageSize: budgetPending, MaxPending: budgetPending,
			CloseTimeout: patience, // those that do not read begin to, before that
			WriteTimeout: -1},
	}
	return against(ctx, setup{Program: "echo", Limits: limits, SendBuffer: slowSlice}, b.attack)
}

func (b *budgetCommand) attack(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	clients, err := openAll(ctx, p.addr, 4*b.MiB)
	defer closeAll(clients)
	if err != nil {
		return "", err
	}
	survivors, err := openAll(ctx, p.addr, budgetSurvivors)
	defer closeAll(survivors)
	if err != nil {
		return "", err
	}
	// As many as make 95 % of the budget: newcomers are refused, and nobody must go. A
	// message that grows is there half as often again for a moment, so that with less
	// than 64 MiB the last of them could pass the 98 %.
	first := (95*b.MiB + 99) / 100
	for _, c := range clients[:first] {
		c.fill(true)
	}
	refused, err := eventually(ctx, patience, func() (bool, error) {
		status, err := knock(ctx, p.addr)
		return status == http.StatusServiceUnavailable, err
	})
	if err != nil {
		return "", err
	}
	v.expect(refused, "no newcomer was refused")
	s, err := p.glance()
	if err != nil {
		return "", err
	}
	v.expect(s.Opened == s.Closed+int64(len(clients)+len(survivors)), "clients were closed with %d B of buffers lent", s.BufferBytes)

	most, echoes, err := b.overfill(ctx, v, p, clients[first:], survivors)
	if err != nil {
		return "", err
	}
	v.expect(most <= int64(b.MiB)<<20*int64(100+b.Over)/100, "%d B of buffers, with a budget of %d MiB", most, b.MiB)
	var ends [3]atomic.Int64
	var group sync.WaitGroup
	for _, c := range clients {
		group.Go(func() { ends[c.outcome()].Add(1) })
	}
	group.Wait()
	withReason, cut := ends[explained].Load(), ends[cutOff].Load()
	v.expect(withReason > cut, "%d were told why they must go, %d were not", withReason, cut)
	closeAll(clients)
	released, err := eventually(ctx, patience, func() (bool, error) {
		s, err := p.glance()
		return s.BufferBytes == 0, err
	})
	v.expect(released, "buffers are still lent")
	if err == nil {
		err = oneLife(ctx, p.addr)
	}
	return fmt.Sprintf("%d clients wanted %d MiB of %d MiB: at most %.1f MiB lent; newcomers got 503; %d closed with 1013, %d cut, %d stayed; %d echoes of others",
		len(clients), len(clients), b.MiB, float64(most)/(1<<20), withReason, cut, ends[stayed].Load(), echoes), err
}

// overfill has clients ask for more than there is, every other one by not reading, and
// returns the most that was seen lent until a while later. The survivors echo.
func (b *budgetCommand) overfill(ctx context.Context, v *verdict, p *process, clients, survivors []*client) (most int64, echoes int, err error) {
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() { c.fill(i%2 == 0) })
	}
	var end atomic.Int64
	go func() { group.Wait(); end.Store(time.Now().Add(time.Second).UnixNano()) }()
	for end.Load() == 0 || time.Now().UnixNano() < end.Load() {
		s, err := p.glance()
		if err != nil {
			return most, echoes, err
		}
		most = max(most, s.BufferBytes)
		for i, c := range survivors {
			err := errors.Join(c.extend(patience), c.echo([]byte("one that holds nothing")))
			v.expect(err == nil, "survivor %d: %v", i, err)
			echoes++
		}
		sleep(ctx, 10*time.Millisecond)
	}
	return most, echoes, ctx.Err()
}

// knock asks for a connection and is the answer's status.
func knock(ctx context.Context, addr string) (status int, err error) {
	c, err := connect(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.ask(addr)
}

// fill has the server hold much: a message that it does not end or, otherwise, echoes
// that it does not read. That the server takes no more is no failure.
func (c *client) fill(message bool) {
	if message {
		c.out = c.out[:0]
		for opcode := byte(wire.Binary); len(c.out) < budgetWant; opcode = wire.Continuation {
			c.out = wire.AppendFrame(c.out, false, opcode, [4]byte{1, 2, 3, 4}, make([]byte, budgetPiece))
		}
		_, _ = c.Write(c.out)
		return
	}
	_ = c.tcp.SetReadBuffer(slowSlice)
	_ = c.SetWriteDeadline(time.Now().Add(2 * time.Second))
	for sent := 0; sent < 2*budgetWant; sent += budgetPiece {
		if c.send(wire.Binary, make([]byte, budgetPiece)) != nil {
			return
		}
	}
}

// How a client fared.
const (
	stayed    = iota
	explained // closed with 1013
	cutOff
)

// outcome reads what there is.
func (c *client) outcome() int {
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	switch code, err := c.awaitCode(); {
	case err == nil && code == 1013:
		return explained
	case timedOut(err):
		return stayed
	}
	return cutOff
}
