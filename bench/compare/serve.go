//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"

	"github.com/framerail/framerail/bench/peers"
)

// serveCommand is one echo server as a process of its own. It prints its
// address on a line of its own once it is ready.
type serveCommand struct {
	Peer       string `arg:"" enum:"${all}" help:"Which server: ${enum}."`
	Addr       string `default:"127.0.0.1:0" help:"Address to listen on."`
	CPUProfile string `name:"cpuprofile" placeholder:"FILE" help:"Write a CPU profile to FILE at the end."`
	MemProfile string `name:"memprofile" placeholder:"FILE" help:"Write a heap profile to FILE at the end, connections and all."`
	Lifeline   bool   `help:"End when standard input ends, and answer each line of it with a garbage collection."`
}

func (s *serveCommand) Run(ctx context.Context) error {
	peer, err := peers.ByName(s.Peer)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return err
	}
	profiles, err := s.profile()
	if err != nil {
		return err
	}

	server := peer.New()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	fmt.Println(ln.Addr())

	if s.Lifeline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			defer cancel()
			collectOnDemand(os.Stdin)
		}()
	}
	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("the server gave up: %w", err), profiles())
	case <-ctx.Done():
		// The heap is that of the connections there are, not yet of their end.
		return errors.Join(profiles(), server.Close())
	}
}

// collectOnDemand collects garbage and returns memory to the system for each line of f,
// and says when it is done. It returns at the end of f.
func collectOnDemand(f *os.File) {
	for lines := bufio.NewScanner(f); lines.Scan(); {
		runtime.GC()
		debug.FreeOSMemory()
		fmt.Println("collected")
	}
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
