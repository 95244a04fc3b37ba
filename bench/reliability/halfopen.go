//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// halfOpenCommand has peers vanish without a word: some whose machine is gone, and
// answers with a reset at most, and some behind a network that swallows all. Where the
// system does not let a program do that, as it lets root alone, a peer says nothing.
// Broken, the server never asks.
type halfOpenCommand struct {
	scale
	way
	Conns   int           `default:"1000" help:"Peers of each of the two kinds."`
	Healthy int           `default:"100" help:"Peers that answer pings and must stay."`
	Idle    time.Duration `default:"10s" help:"The server's idle timeout; it pings at half of it."`
	Slack   time.Duration `default:"1s" help:"How long after the idle timeout a connection may end."`
}

func (b *halfOpenCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Conns, b.Healthy, b.Idle = 50, 10, 8*time.Second
	}
	set := setup{Program: "echo", Limits: server.Limits{Limits: conn.Limits{IdleTimeout: either(b.scale, b.Idle, -1)}}}
	return against(ctx, set, b.vanish)
}

func (b *halfOpenCommand) vanish(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	healthy, err := openAll(ctx, p.addr, b.Healthy)
	defer func() { closeAll(healthy) }()
	if err != nil {
		return "", err
	}
	var group sync.WaitGroup
	defer group.Wait()
	answering := time.Now().Add(b.Idle + 2*b.Slack)
	for i, c := range healthy {
		group.Go(func() {
			_, err := c.answerPings(answering)
			v.expect(err == nil, "healthy connection %d: %v", i, err)
		})
	}

	gone, err := openAll(ctx, p.addr, b.Conns)
	defer func() { closeAll(gone) }()
	if err != nil {
		return "", err
	}
	swallowed, err := openAll(ctx, p.addr, b.Conns)
	defer func() { closeAll(swallowed) }()
	if err != nil {
		return "", err
	}
	start := time.Now()
	vanished, holes := 0, 0
	for _, c := range swallowed {
		if holes, err = counting(holes, c.swallow()); err != nil {
			return "", err
		}
	}
	for i, c := range gone {
		before := vanished
		if vanished, err = counting(vanished, c.forget()); err != nil {
			return "", err
		}
		if vanished > before {
			gone[i] = nil // it is closed
		}
	}

	var s stats
	ended, err := eventually(ctx, b.Idle+b.Slack-time.Since(start), func() (bool, error) {
		s, err = p.stats()
		return s.Closed >= int64(2*b.Conns), err
	})
	if err != nil {
		return "", err
	}
	took := time.Since(start)
	v.expect(ended, "after %v only %d of %d were closed", took, s.Closed, 2*b.Conns)
	v.expect(s.Closed <= int64(2*b.Conns), "%d were closed, and only %d had vanished", s.Closed, 2*b.Conns)
	group.Wait()
	return fmt.Sprintf("%d vanished peers, %d black holes and %d that say nothing, all closed after %.1f s (idle timeout %v, bar: %v more); %d healthy ones stayed",
		vanished, holes, 2*b.Conns-vanished-holes, took.Seconds(), b.Idle, b.Slack, b.Healthy), nil
}

// counting counts what could be done. A program that is not root may not be allowed to: then
// the peer says nothing, which to the server's timers is the same.
func counting(n int, err error) (int, error) {
	if errors.Is(err, unix.EPERM) {
		return n, nil
	}
	return n + 1, err
}

// control runs f on the socket.
func (c *client) control(f func(fd int) error) error {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return err
	}
	return controlling(raw, f)
}

// swallow has the kernel drop whatever comes for this socket, before TCP sees it: a
// black hole.
func (c *client) swallow() error {
	return c.control(func(fd int) error {
		dropAll := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: 1, Filter: &dropAll[0]})
	})
}

// forget closes the socket without a word to the other side, as if its machine
// were gone and another had its address. It needs CAP_NET_ADMIN.
func (c *client) forget() error {
	err := c.control(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) })
	if err != nil {
		return fmt.Errorf("TCP_REPAIR: %w", err)
	}
	return c.tcp.Close()
}
