package costs

import (
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"testing"
)

const (
	// linesMost is how many lines of the cache a message of 20 bytes may miss, if those of 4,096 connections come in
	// turn: three of its connection, one of the table in which the loop finds that, and the program's and the
	// poller's share of their lists of events. It misses 4.5 to 4.7 (record 073). One line more gives 5.5 and above.
	linesMost = 5.1
	// linesTimes are so many messages that what comes besides does not count.
	linesTimes = 16 * 4096
)

// cache is fully associative. With 8 ways the addresses of a run decided which lines have no place together: 4.3 to 5.0.
const cache = "--D1=32768,512,64"

var dataMisses = regexp.MustCompile(`D1\s+misses:\s+([0-9,]+)`)

// What a message looks at of its connection is in no cache if thousands of others had messages since its last. No count of
// instructions shows what that costs.
func TestLinesForAMessage(t *testing.T) {
	need(t, runtime.GOARCH == "amd64", "the lines are of a 64-bit system")
	valgrind, err := exec.LookPath("valgrind")
	need(t, err == nil, "there is no valgrind")
	program := build(t, "costs/instructions")
	for operation, most := range map[string]float64{"echo-in-memory": 0.1, "echo-in-memory-4096": linesMost} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			got := each(t, linesTimes, func(times int) int {
				return count(t, dataMisses, valgrind, "--cache-sim=yes", "--I1=32768,8,64", cache, "--LL=2097152,16,64",
					program, operation, strconv.Itoa(times))
			})
			t.Logf("%.2f lines", got)
			if got > most {
				t.Errorf("%.2f lines, %.2f at most", got, most)
			}
		})
	}
}
