//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/framerail/framerail/bench/internal/proc"
	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers"
)

// pair is one peer's server and its clients, each a process on a core of its own.
// Both use no CPU unless a slice runs.
type pair struct {
	peer    peers.Peer
	server  *child
	clients *child
}

// figures are those of one round.
type figures struct {
	slice
	User   time.Duration // of the server
	System time.Duration // of the server
	Client time.Duration // of the clients, user and system
}

func (c *cpuCommand) startPair(ctx context.Context, p peers.Peer, size int) (*pair, error) {
	server, err := startServer(ctx, p.Name, c.ServerCore)
	if err != nil {
		return nil, err
	}
	args := []string{"load", "--addr", server.First, "--conns", strconv.Itoa(c.Conns), "--size", strconv.Itoa(size)}
	if c.Binary {
		args = append(args, "--binary")
	}
	args = append(args, "--offer="+offer(p))
	if p.Secure {
		args = append(args, "--secure")
	}
	clients, err := start(ctx, c.ClientCore, args...)
	if err != nil {
		return nil, errors.Join(err, server.stop())
	}
	return &pair{p, server, clients}, nil
}

// offer is what clients offer to a peer.
func offer(p peers.Peer) string {
	if p.Compresses {
		return wire.Offer
	}
	return ""
}

func (p *pair) stop() error {
	return errors.Join(p.clients.stop(), p.server.stop())
}

// run keeps messages going for d and adds what happened to f.
func (p *pair) run(d time.Duration, f *figures) error {
	answer, err := p.clients.Ask(d.String())
	if err != nil {
		return fmt.Errorf("%s: the clients gave up: %w", p.peer.Name, err)
	}
	var s slice
	if err := json.Unmarshal([]byte(answer), &s); err != nil {
		return fmt.Errorf("%s: %w", p.peer.Name, err)
	}
	f.Messages += s.Messages
	f.Elapsed += s.Elapsed
	f.Received += s.Received
	return nil
}

// count adds the CPU that both have used so far to f, sign times.
func (p *pair) count(f *figures, sign time.Duration) error {
	user, system, err := proc.CPUTime(p.server.Pid())
	if err != nil {
		return err
	}
	clientUser, clientSystem, err := proc.CPUTime(p.clients.Pid())
	if err != nil {
		return err
	}
	f.User += sign * user
	f.System += sign * system
	f.Client += sign * (clientUser + clientSystem)
	return nil
}

func (f figures) perMessage(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000 / float64(f.Messages)
}

func (f figures) server() float64 { return f.perMessage(f.User + f.System) }
func (f figures) user() float64   { return f.perMessage(f.User) }
func (f figures) system() float64 { return f.perMessage(f.System) }
func (f figures) client() float64 { return f.perMessage(f.Client) }
func (f figures) size() float64   { return float64(f.Received) / float64(f.Messages) }
func (f figures) rate() float64   { return float64(f.Messages) / f.Elapsed.Seconds() }
