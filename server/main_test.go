package server

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/leaks"
)

// TestMain has a process that a test has started play the part that the test gave it.
func TestMain(m *testing.M) {
	if part := os.Getenv(partEnv); part != "" {
		os.Exit(parts[part]())
	}
	setTestsAtOnce()
	leaks.Main(m)
}

// A test that lowers a limit of the process does so in one of its own, which runs
// one of these by name and ends with the status returned.
const partEnv = "FRAMERAIL_TEST_PART"

var parts = map[string]func() int{}

// count is what must be the same before and after.
type count struct{ goroutines, descriptors int }

func (c count) String() string {
	return fmt.Sprintf("%d goroutines and %d descriptors", c.goroutines, c.descriptors)
}

// comesBack waits until the test has no more than before.
func (c count) comesBack(t testing.TB) (now count, ok bool) {
	deadline := time.Now().Add(patience)
	for {
		now = census(t)
		// There may be fewer: what a test before has left to a goroutine may have been open then.
		if now.goroutines <= c.goroutines && now.descriptors <= c.descriptors {
			return now, true
		}
		if time.Now().After(deadline) {
			return now, false
		}
		time.Sleep(time.Millisecond)
	}
}

// noMoreDescriptors fails unless the process comes to have no more descriptors than before.
func noMoreDescriptors(t testing.TB, before int) {
	t.Helper()
	eventually(t, fmt.Sprintf("no more than %d descriptors", before), func() bool { return countDescriptors() <= before })
}

func stacks() []byte {
	b := make([]byte, 1<<20)
	return b[:runtime.Stack(b, true)]
}
