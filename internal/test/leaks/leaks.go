// Package leaks fails a test run that leaves something behind. A package's tests use it so:
//
//	func TestMain(m *testing.M) { leaks.Main(m) }
package leaks

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/buffer"
)

// patience is how long what is on its way out may take: a goroutine that has done its work
// has not ended yet.
const patience = time.Minute

// Main runs the tests of a package and exits. The run fails if the tests leave goroutines or
// descriptors behind or, in a build with the tag poison, buffers of a pool. A fuzzer's own
// are not looked at. m is the *testing.M.
func Main(m interface{ Run() int }) { os.Exit(Check(m.Run)) }

// Check is Main for a package whose tests need more around them: it returns the status to
// exit with.
func Check(run func() int) (status int) {
	warmUp()
	before := now()
	status = run()
	if fuzzing() {
		return status
	}
	if after, same := before.comesBack(patience); !same {
		stacks := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "the tests leave something behind: %v before, %v after\n%s\n",
			before, after, stacks[:runtime.Stack(stacks, true)])
		return max(1, status)
	}
	return status
}

// excused is how many buffers are left with a reason.
var excused atomic.Int64

// Excuse runs f, and lets it leave buffers behind: those of a program, say, that is broken on
// purpose and whose callback never returns. Tests that run at the same time must not use any.
func Excuse(f func()) {
	before := buffer.Outstanding()
	f()
	excused.Add(buffer.Outstanding() - before)
}

// warmUp opens the descriptors that Go's netpoller keeps once it is used.
func warmUp() {
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		_ = ln.Close()
	}
}

func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}

// held is what must be the same before and after.
type held struct {
	goroutines, descriptors int
	buffers                 int64
}

func (h held) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d buffers", h.goroutines, h.descriptors, h.buffers)
}

func now() held {
	return held{goroutines: goroutines(), descriptors: descriptors(), buffers: buffer.Outstanding() - excused.Load()}
}

// goroutines counts those that a program has started. The runtime of js starts one for each
// event of the host, such as the end of a wait, and NumGoroutine counts it: whether one is
// there at any moment is chance.
func goroutines() int {
	n := runtime.NumGoroutine()
	if runtime.GOOS != "js" {
		return n
	}
	stacks := make([]byte, 1<<20)
	return n - bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("\nruntime.handleEvent("))
}

// descriptors counts what the process has open. Where the system has no list, or one that is
// always the same, it is always the same number.
func descriptors() int {
	names, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0
	}
	return len(names)
}

// comesBack waits until there is no more than before. There may be less: what was there may have been on its
// way out.
func (h held) comesBack(patience time.Duration) (after held, same bool) {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		after = now()
		if after.goroutines <= h.goroutines && after.descriptors <= h.descriptors && after.buffers <= h.buffers {
			return after, true
		}
		if time.Now().After(deadline) {
			return after, false
		}
	}
}
