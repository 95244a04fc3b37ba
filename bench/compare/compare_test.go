//go:build linux

package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/self"
)

// The commands start this very program again.
func TestMain(m *testing.M) { self.Main(m, main) }

func smallCPU() *cpuCommand {
	return &cpuCommand{
		Peers: []string{"gws", "gobwas"}, Against: "gws", Sizes: []int{20},
		Conns: 4, Rounds: 2, Slices: 2, Slice: 100 * time.Millisecond,
	}
}

func TestCPUMeasuresEveryPeer(t *testing.T) {
	if err := smallCPU().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryMeasuresEveryPeer(t *testing.T) {
	m := &memoryCommand{Conns: 50, Size: 100, Peers: []string{"gws"}, Against: "gws", Rounds: 1}
	if err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCheckFailsOverTheBar(t *testing.T) {
	c := smallCPU()
	c.Peers = []string{"framerail", "gws"}
	c.Check = true
	if err := c.Run(t.Context()); !errors.Is(err, errOverBar) {
		t.Errorf("cpu: a bar of 0: %v", err)
	}
	m := &memoryCommand{Conns: 50, Size: 100, Peers: []string{"framerail"}, Against: "framerail", Rounds: 1, Check: true, Bar: -1 << 30}
	if err := m.Run(t.Context()); !errors.Is(err, errOverBar) {
		t.Errorf("memory: a bar below 0: %v", err)
	}
}

func TestStopEndsTheServer(t *testing.T) {
	s, err := startServer(t.Context(), "gws", -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := unix.Kill(s.Pid(), 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d is still there: %v", s.Pid(), err)
	}
}

func TestInterruptEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	c := smallCPU()
	c.Slice = time.Hour
	if err := c.Run(ctx); err == nil {
		t.Error("a run that was interrupted reports success")
	}
}

func TestServerRunsOnItsCoreOnly(t *testing.T) {
	s, err := startServer(t.Context(), "gws", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(s.Pid(), &set); err != nil {
		t.Fatal(err)
	}
	if set.Count() != 1 || !set.IsSet(0) {
		t.Errorf("the server may run on %d cores, core 0: %v", set.Count(), set.IsSet(0))
	}
}

func TestMedian(t *testing.T) {
	if got := median([]int{9, 1, 5}); got != 5 {
		t.Errorf("of three: %d", got)
	}
	if got := median([]int{2, 1}); got != 2 {
		t.Errorf("of two: %d", got)
	}
}

func TestChooseNeedsTheReference(t *testing.T) {
	if _, err := choose([]string{"gobwas"}, "gws"); err == nil {
		t.Error("ratios to a peer that is not measured")
	}
}
