package costs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/self"
)

// build makes a program of this module.
func build(t *testing.T, folder string) string { return buildProgram(t, "bench/"+folder) }

// buildProgram makes a program of any module of the repository.
func buildProgram(t *testing.T, folder string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), filepath.Base(folder))
	out, err := exec.Command("go", "build", "-o", name, "github.com/framerail/framerail/"+folder).CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return name
}

// serve starts framerail's server as a process of its own, whose first line is its address.
func serve(t *testing.T) *self.Process {
	t.Helper()
	program := build(t, "peers/lean/lean-framerail")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	prepare := func(cmd *exec.Cmd) { cmd.Path, cmd.Env = program, append(os.Environ(), "GOMAXPROCS=1") }
	s, err := self.Start(ctx, nil, prepare, (*exec.Cmd).Start)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Stop(time.Second) // one that was traced has ended already
		cancel()
	})
	return s
}

// calls are those system calls that connections and messages need: others are the runtime's.
var calls = map[string][]uint64{
	"receive": {unix.SYS_READ, unix.SYS_READV, unix.SYS_RECVFROM, unix.SYS_RECVMSG},
	"send":    {unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_SENDTO, unix.SYS_SENDMSG},
	"wait":    append([]uint64{unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2}, waits...),
	"change":  {unix.SYS_EPOLL_CTL},
	"accept":  {unix.SYS_ACCEPT4},
	"close":   {unix.SYS_CLOSE},
	"option":  {unix.SYS_SETSOCKOPT},
	"ioctl":   {unix.SYS_IOCTL},
}

// bar is the most that something may cost. tolerance is how much more it may be in a run.
type bar struct{ most, tolerance float64 }

// TestSystemCallsForAMessage counts them while a tracer slows the server down, which waits for some messages
// and finds others there. For one that it has waited for it looks twice more: before it parks, and as it parks.
// These looks are no part of the figure "wait", so it does not depend on who of the two is faster.
func TestSystemCallsForAMessage(t *testing.T) {
	for _, c := range []struct {
		name string
		load load.Options
		unit float64 // messages that come together
		wait float64 // how much more a message may cost than one wait
	}{
		// A message that comes between two looks saves the loop from parking, and costs one more.
		{"one_at_a_time", load.Options{Kind: load.Echo, Flight: 1}, 1, 1},
		{"sixteen_at_once", load.Options{Kind: load.Echo, Flight: 16}, 16, 1},
		// The deadline of a handshake or a ping ends some waits.
		{"each_after_a_pause", load.Options{Kind: load.Paced, Rate: 200}, 1, 0.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.load.Conns, c.load.Size = 1, 20
			one := func(tolerance float64) bar { return bar{1 / c.unit, tolerance / c.unit} }
			// A batch may come in two parts.
			checkCalls(t, "message", c.load, map[string]bar{
				"receive": one(0.3), "send": one(0.3), "change": {0, 0.02}, "wait": one(c.wait),
			})
		})
	}
}

// checkCalls counts the system calls of a server for each message of a load, or whatever unit it has, and
// holds them to bars, which have the names of calls.
func checkCalls(t *testing.T, unit string, o load.Options, bars map[string]bar) {
	t.Helper()
	s := serve(t)
	o.Addr = s.First
	d, err := load.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Run(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	tr, err := trace(s.Pid())
	if err != nil {
		t.Fatal(err)
	}
	slice, err := d.Run(500 * time.Millisecond)
	if err != nil {
		t.Error(err)
	}
	if err := tr.stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d %ss, the loop parked %d times", slice.Messages, unit, tr.parks)
	for name, bar := range bars {
		made := tr.sum(calls[name]...)
		if name == "wait" {
			made -= 2 * tr.parks
		}
		got := float64(made) / float64(slice.Messages)
		t.Logf("%s: %.3f calls for each %s", name, got, unit)
		if got > bar.most+bar.tolerance {
			t.Errorf("%s: %.3f calls for each %s, at most %.3f and %.2f", name, got, unit, bar.most, bar.tolerance)
		}
	}
}

// TestBytesForAConnection counts what is reachable after a garbage collection. What the
// process has from the system is a figure of the comparison.
func TestBytesForAConnection(t *testing.T) {
	const conns = 2000
	bar := bar{220, 40} // spans of the heap fill up by leaps, and a stack may have grown
	s := serve(t)
	echoed := func(n int) *load.Clients {
		c, err := load.Dial(load.Options{Addr: s.First, Conns: n, Size: 100})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Once(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	collected := func() (bytes int) {
		for range 2 {
			var heap, stacks int
			answer, err := s.Ask("collect")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(answer, &heap, &stacks); err != nil {
				t.Fatal(err)
			}
			bytes = heap + stacks
		}
		return bytes
	}
	warm := echoed(100)
	before := collected()
	c := echoed(conns)
	got := float64(collected()-before) / conns
	t.Logf("%.1f bytes for each connection", got)
	if got > bar.most+bar.tolerance {
		t.Errorf("%.1f bytes for each connection, at most %.0f and %.0f", got, bar.most, bar.tolerance)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := warm.Close(); err != nil {
		t.Error(err)
	}
}
