package report

import (
	"fmt"
	"time"

	"github.com/framerail/framerail/cmd/internal/conform"
	"github.com/framerail/framerail/cmd/internal/printable"
)

// summary is a group of cases, or all of them, counted.
type summary struct {
	Group   string
	Results []*conform.Result
	Passed  int
	Skipped int // those about an extension that client and server did not agree on: not played, so not passed
	Counts  map[conform.Verdict]int
	Closing int // those whose verdict passes and whose connection ended wrongly
	Took    time.Duration
}

// summarize counts the results of each group, in the order in which the groups
// come, and of all.
func summarize(results []conform.Result) (groups []*summary, total *summary) {
	total = &summary{Group: "all", Counts: map[conform.Verdict]int{}}
	byName := map[string]*summary{}
	for i := range results {
		r := &results[i]
		g := byName[r.Group]
		if g == nil {
			g = &summary{Group: r.Group, Counts: map[conform.Verdict]int{}}
			byName[r.Group] = g
			groups = append(groups, g)
		}
		g.add(r)
		total.add(r)
	}
	return groups, total
}

func (s *summary) add(r *conform.Result) {
	s.Results = append(s.Results, r)
	s.Counts[r.Verdict]++
	s.Took += r.Took
	switch {
	case r.Verdict == conform.Unimplemented && r.Passed():
		s.Skipped++
	case r.Passed():
		s.Passed++
	case r.Verdict != conform.Failed:
		s.Closing++
	}
}

// played is how many cases there were, without those skipped.
func (s *summary) played() int { return len(s.Results) - s.Skipped }

func (s *summary) failures() int { return s.played() - s.Passed }

// notAgreedOn says how many cases were skipped; nothing if none was.
func (s *summary) notAgreedOn() string {
	switch s.Skipped {
	case 0:
		return ""
	case 1:
		return "1 more is about an extension that client and server did not agree on"
	}
	return fmt.Sprintf("%s more are about an extension that client and server did not agree on", count(s.Skipped))
}

// fault is what is wrong with a result that has not passed: a word, and what came.
func fault(r *conform.Result) (word, why string) {
	if r.Verdict == conform.Failed {
		return r.Verdict.String(), printable.Text(r.Came)
	}
	return "CLOSING " + r.Closing.String(), printable.Text(r.Ended)
}
