package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// verdicts are those of the testsuite's index.json: by agent, then by case.
type verdicts map[string]map[string]struct {
	Behavior      string `json:"behavior"`
	BehaviorClose string `json:"behaviorClose"`
}

// errNotGood is what a run ends with that has a verdict other than OK and
// INFORMATIONAL, or too few of them.
var errNotGood = errors.New("not every case is OK")

func readVerdicts(path string) (v verdicts, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// judge writes how many cases of each agent got which verdict, and each case that is not
// good: its behavior or its end is neither OK nor INFORMATIONAL, which the testsuite
// says of cases that have no right outcome.
func (v verdicts) judge(w io.Writer, agents []string, least int) error {
	good := true
	for _, agent := range agents {
		counts := map[string]int{}
		var bad []string
		for number, c := range v[agent] {
			counts[c.Behavior]++
			if !isGood(c.Behavior) || !isGood(c.BehaviorClose) {
				bad = append(bad, fmt.Sprintf("%s: %s, end: %s", number, c.Behavior, c.BehaviorClose))
			}
		}
		fmt.Fprintf(w, "%s: %d cases", agent, len(v[agent]))
		for _, verdict := range []string{"OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED", "FAILED"} {
			fmt.Fprintf(w, ", %d %s", counts[verdict], verdict)
		}
		fmt.Fprintln(w)
		slices.SortFunc(bad, compareCases)
		for _, b := range bad {
			fmt.Fprintln(w, " ", b)
		}
		good = good && len(bad) == 0 && len(v[agent]) >= least
	}
	if !good {
		return errNotGood
	}
	return nil
}

func isGood(verdict string) bool { return verdict == "OK" || verdict == "INFORMATIONAL" }

// compareCases orders by the numbers that a line begins with: 2.10 behind 2.9.
func compareCases(a, b string) int { return slices.Compare(numbers(a), numbers(b)) }

func numbers(line string) (n []int) {
	number, _, _ := strings.Cut(line, ":")
	for part := range strings.SplitSeq(number, ".") {
		i, _ := strconv.Atoi(part)
		n = append(n, i)
	}
	return n
}
