package server

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
)

// testsAtOnce is how many parallel tests run at the same time. They mostly wait for a
// timeout, so there may be more of them than processors. The race detector has each take several
// times as much of one.
func testsAtOnce() int {
	if raceEnabled {
		return 8
	}
	return 32
}

// setTestsAtOnce sets the flag -test.parallel, unless the command line does.
func setTestsAtOnce() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", fmt.Sprint(testsAtOnce()))
	}
}

const testLabel = "test"

// parallel runs the rest of a test beside the other parallel tests. It labels the test's
// goroutines, so that census can tell them from those of the other tests.
func parallel(t *testing.T) {
	t.Parallel()
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(testLabel, t.Name())))
}

// census counts the goroutines and descriptors of the process. For a parallel test it counts
// the goroutines of that test alone, and no descriptors: TestMain counts those of all
// parallel tests, which run last.
func census(t testing.TB) count {
	labels := goroutineLabels()
	for name := t.Name(); ; {
		if n := labels[name]; n > 0 { // the test's own goroutine is one
			return count{goroutines: n}
		}
		parent := strings.LastIndexByte(name, '/')
		if parent < 0 {
			return count{runtime.NumGoroutine(), countDescriptors()}
		}
		name = name[:parent]
	}
}

// goroutineLabels counts the goroutines of each parallel test.
func goroutineLabels() map[string]int {
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
	labels, n := map[string]int{}, 0
	for line := range strings.Lines(profile.String()) {
		if _, err := fmt.Sscanf(line, "%d @", &n); err == nil {
			continue // n goroutines with the same stack and label
		}
		var name string
		if _, err := fmt.Sscanf(line, "# labels: {"+`"`+testLabel+`"`+":%q}", &name); err == nil {
			labels[name] += n
		}
	}
	return labels
}

// A goroutine that a parallel test leaves behind is seen, and so is one of a subtest. Those of
// other tests are not counted.
func TestCensus_OfAParallelTest(t *testing.T) {
	parallel(t)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			parallel(t)
			t.Run("sub", func(t *testing.T) { go func() { <-stop }() })
			eventually(t, "the test and the goroutine", func() bool { return census(t) == count{goroutines: 2} })
		})
	}
	eventually(t, "the test and two subtests that wait for it", func() bool { return census(t) == count{goroutines: 3} })
}
