//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/framerail/framerail/bench/peers"
	"github.com/framerail/framerail/bench/peers/peer"
)

// serveCommand is one server as a process of its own. It prints its
// address on a line of its own once it is ready.
type serveCommand struct {
	Peer       string `arg:"" enum:"${every}" help:"Which server: ${enum}."`
	Addr       string `default:"127.0.0.1:0" help:"Address to listen on."`
	CPUProfile string `name:"cpuprofile" placeholder:"FILE" help:"Write a CPU profile to FILE at the end."`
	MemProfile string `name:"memprofile" placeholder:"FILE" help:"Write a heap profile to FILE at the end, connections and all."`
	Procs      int    `help:"GOMAXPROCS, if that is to be another."`
	Lifeline   bool   `help:"End when standard input ends, and answer each line of it with a garbage collection."`
}

func (s *serveCommand) Run(ctx context.Context) error {
	p, err := peers.ByName(s.Peer)
	if err != nil {
		return err
	}
	if s.Procs > 0 {
		runtime.GOMAXPROCS(s.Procs)
	}
	profiles, err := s.profile()
	if err != nil {
		return err
	}
	if s.Lifeline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			defer cancel()
			peer.CollectOnDemand(os.Stdin)
		}()
	}
	// The heap is that of the connections there are, not yet of their end.
	return peer.Run(ctx, p.New(), s.Addr, profiles)
}

// profile starts the profiles asked for; finish writes them.
func (s *serveCommand) profile() (finish func() error, err error) {
	var cpu *os.File
	if s.CPUProfile != "" {
		if cpu, err = os.Create(s.CPUProfile); err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, err
		}
	}
	return func() error {
		if cpu != nil {
			pprof.StopCPUProfile()
			if err := cpu.Close(); err != nil {
				return err
			}
		}
		if s.MemProfile == "" {
			return nil
		}
		heap, err := os.Create(s.MemProfile)
		if err != nil {
			return err
		}
		runtime.GC()
		return errors.Join(pprof.WriteHeapProfile(heap), heap.Close())
	}, nil
}
