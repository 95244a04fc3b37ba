//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The commands start this very program again: with this variable set, the test
// binary is the program.
const asProgram = "COMPARE_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	if err := os.Setenv(asProgram, "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

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
	if err := unix.Kill(s.pid(), 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d is still there: %v", s.pid(), err)
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
	if err := unix.SchedGetaffinity(s.pid(), &set); err != nil {
		t.Fatal(err)
	}
	if set.Count() != 1 || !set.IsSet(0) {
		t.Errorf("the server may run on %d cores, core 0: %v", set.Count(), set.IsSet(0))
	}
}

func TestParseStatCountsBehindTheCommand(t *testing.T) {
	user, system, err := parseStat([]byte("7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 123 45 0 0\n"))
	if err != nil || user != 1230*time.Millisecond || system != 450*time.Millisecond {
		t.Errorf("%v, %v, %v", user, system, err)
	}
	if _, _, err := parseStat([]byte("7 (a) S 1")); err == nil {
		t.Error("took a line that is cut off")
	}
}

func TestParseStatusReadsKibibytes(t *testing.T) {
	r, err := parseStatus([]byte("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t     12 kB\nRssAnon:\t       3 kB\n"))
	if err != nil || r != (resident{12 << 10, 3 << 10}) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := parseStatus([]byte("Name:\tx\n")); err == nil {
		t.Error("took a status without the fields")
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
