//go:build linux

package proc

import (
	"net"
	"os"
	"testing"
	"time"
)

func TestParseStatCountsBehindTheCommand(t *testing.T) {
	user, system, err := parseStat([]byte("7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 123 45 0 0\n"))
	if err != nil || user != 1230*time.Millisecond || system != 450*time.Millisecond {
		t.Errorf("%v, %v, %v", user, system, err)
	}
	if _, _, err := parseStat([]byte("7 (a) S 1")); err == nil {
		t.Error("took a line that is cut off")
	}
}

func TestFieldReadsKibibytes(t *testing.T) {
	status := []byte("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t     12 kB\nThreads:\t3\n")
	if n, err := field(status, "VmRSS:"); err != nil || n != 12<<10 {
		t.Errorf("%d, %v", n, err)
	}
	for _, name := range []string{"RssAnon:", "Threads:"} {
		if _, err := field(status, name); err == nil {
			t.Errorf("%s: took a status without it", name)
		}
	}
}

// A listener of package net is watched by Go's netpoller, and no longer when it is
// closed.
func TestWatchedCountsWhatEpollWatches(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0") // the netpoller watches one of its own
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	watched := func() int {
		n, err := Watched(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := watched()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if n := watched(); n != before+1 {
		t.Errorf("%d watched with one more listener, %d before", n, before)
	}
	ln.Close()
	if n := watched(); n != before {
		t.Errorf("%d watched after it, %d before", n, before)
	}
}

// What the two files tell differs by a tick at most for each side of the difference.
func TestRunTimeAgreesWithCPUTime(t *testing.T) {
	pid := os.Getpid()
	at := func() (Threads, time.Duration) {
		threads, err := RunTime(pid)
		if err != nil {
			t.Fatal(err)
		}
		user, system, err := CPUTime(pid)
		if err != nil {
			t.Fatal(err)
		}
		return threads, user + system
	}
	threads, cpu := at()
	for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
	}
	threadsAfter, cpuAfter := at()
	if a, b := threadsAfter.Since(threads), cpuAfter-cpu; (a-b).Abs() > 4*tick || a == 0 {
		t.Errorf("schedstat: %v, stat: %v", a, b)
	}
}
