package costs

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/test/missing"
)

// Instructions are those of an amd64 with AVX2, as valgrind shows it to programs, and of a
// version of Go.
const (
	figuresOf = "go1.26"
	// tolerance is the share by which they may be more: what the runtime does beside the
	// operation varies by 100,000 instructions for a whole run, under 1 % of any here.
	tolerance = 0.03
	// stale is the share below which the figure here must be brought down.
	stale = 0.10
)

// instructions are those of each operation of the program in folder instructions.
var instructions = []struct {
	operation string
	times     int // so many that they outweigh the runtime's
	figure    float64
}{
	{"decode-text-20", 100_000, 198},
	{"decode-text-16384", 10_000, 3_845},
	{"decode-russian-256", 50_000, 595},
	{"append-20", 100_000, 134},
	{"append-16384", 20_000, 1_710},
	{"compress-1024", 400, 82_300},
	{"inflate-1024", 600, 48_400},
	{"echo", 3000, 8_370},
	{"echo-in-memory", 20_000, 3_050},
	{"handshake", 500, 59_150},
	{"publish-100", 200, 1_098_000}, // most of it is the simulation's: see record 055
}

func TestInstructionsForAnOperation(t *testing.T) {
	need(t, runtime.GOARCH == "amd64", "the figures are of amd64")
	need(t, strings.HasPrefix(runtime.Version(), figuresOf), "the figures are of "+figuresOf+": count again with "+runtime.Version())
	valgrind, err := exec.LookPath("valgrind")
	need(t, err == nil, "there is no valgrind")
	program := build(t, "costs/instructions")
	for _, c := range instructions {
		t.Run(c.operation, func(t *testing.T) {
			t.Parallel()
			got := each(t, c.times, func(times int) int {
				return count(t, references, valgrind, "--cache-sim=no", program, c.operation, strconv.Itoa(times))
			})
			t.Logf("%s: %.0f instructions", c.operation, got)
			if got > c.figure*(1+tolerance) {
				t.Errorf("%.0f instructions, %.0f at most, and %.0f %% of tolerance", got, c.figure, tolerance*100)
			}
			if got < c.figure*(1-stale) {
				t.Errorf("%.0f instructions: the figure of %.0f is to be brought down", got, c.figure)
			}
		})
	}
}

// need ends the test unless there is what it needs.
func need(t *testing.T, there bool, otherwise string) {
	t.Helper()
	if !there {
		missing.End(t, "%s", otherwise)
	}
}

// each is the count for one operation of so many. The difference is without what comes before them.
func each(t *testing.T, times int, count func(times int) int) float64 {
	t.Helper()
	once, twice := count(times), count(2*times)
	return float64(twice-once) / float64(times)
}

var references = regexp.MustCompile(`I\s+refs:\s+([0-9,]+)`)

// count runs a program under cachegrind, and returns one of the figures that it prints. They are those of all threads.
func count(t *testing.T, figure *regexp.Regexp, valgrind string, args ...string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), valgrind, append([]string{"--tool=cachegrind", "--cachegrind-out-file=/dev/null"}, args...)...)
	// What runs now and then is left out: the collector, and signals that stop goroutines.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	out, err := cmd.CombinedOutput()
	match := figure.FindSubmatch(out)
	if err != nil || match == nil {
		t.Fatalf("valgrind: %v\n%s", err, out)
	}
	n, err := strconv.Atoi(strings.ReplaceAll(string(match[1]), ",", ""))
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", match[1], err))
	}
	return n
}
