package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/framerail/framerail/cmd/internal/conform"
	"github.com/framerail/framerail/cmd/internal/printable"
)

// maxRules is how many rules that were broken are listed below the table, and maxPerRule how
// many cases of each with what came. Someone with more reads a file.
const maxRules, maxPerRule = 20, 3

// WriteTable writes what a run came to, for a person who watched it: a line for
// each group, and the cases that have not passed by the rule they are about. It is aligned by spaces
// alone if plain, and else has rules and colours.
func WriteTable(w io.Writer, report *conform.Report, plain bool) error {
	groups, total := summarize(report.Results)
	t := table.NewWriter()
	if plain {
		t.SetStyle(plainStyle())
	} else {
		t.SetStyle(boxStyle())
	}
	shown := verdictsIn(total)
	t.SetColumnConfigs(columns(len(shown)))
	t.AppendHeader(header(shown))
	for _, g := range groups {
		t.AppendRow(row(g, shown, plain))
	}
	if len(groups) != 1 {
		t.AppendFooter(row(total, shown, true))
	}

	var out strings.Builder
	for line := range strings.Lines(t.Render()) {
		out.WriteString(strings.TrimRight(line, " \n"))
		out.WriteByte('\n')
	}
	listFailed(&out, total, plain)
	writeOutcome(&out, report, total, plain)
	_, err := io.WriteString(w, out.String())
	return err
}

// verdictsIn leaves out the columns that would be empty, but for FAILED.
func verdictsIn(total *summary) []conform.Verdict {
	var shown []conform.Verdict
	for _, v := range conform.Verdicts() {
		if total.Counts[v] > 0 || v == conform.OK || v == conform.Failed {
			shown = append(shown, v)
		}
	}
	return shown
}

func header(shown []conform.Verdict) table.Row {
	h := table.Row{"group", "cases"}
	for _, v := range shown {
		h = append(h, v.String())
	}
	return append(h, "CLOSING", "time")
}

// row has nothing where it has none, so that what there is stands out.
func row(s *summary, shown []conform.Verdict, plain bool) table.Row {
	number := func(n int, c text.Colors) string {
		switch {
		case n == 0:
			return ""
		case plain:
			return count(n)
		}
		return c.Sprint(count(n))
	}
	r := table.Row{printable.Text(s.Group), count(len(s.Results))}
	for _, v := range shown {
		r = append(r, number(s.Counts[v], verdictColors[v]))
	}
	return append(r, number(s.Closing, verdictColors[conform.Failed]), took(s.Took))
}

var verdictColors = map[conform.Verdict]text.Colors{
	conform.OK:            {text.FgGreen},
	conform.NonStrict:     {text.FgYellow},
	conform.Informational: {text.FgCyan},
	conform.Unimplemented: {text.FgMagenta},
	conform.Failed:        {text.FgRed, text.Bold},
}

func columns(verdicts int) []table.ColumnConfig {
	var c []table.ColumnConfig
	for n := 2; n <= verdicts+4; n++ {
		c = append(c, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight})
	}
	return c
}

func boxStyle() table.Style {
	s := table.StyleRounded
	s.Format.Header, s.Format.Footer = text.FormatDefault, text.FormatDefault
	s.Options.SeparateColumns = false
	return s
}

func plainStyle() table.Style {
	s := table.StyleDefault
	s.Format.Header, s.Format.Footer = text.FormatDefault, text.FormatDefault
	s.Options = table.OptionsNoBordersAndSeparators
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	return s
}

// listFailed names the cases that have not passed, and what came instead: together those that
// ask for the same, since they often have one reason.
func listFailed(out *strings.Builder, total *summary, plain bool) {
	rules := failedByRule(total)
	for i, rule := range rules {
		if i == maxRules {
			fmt.Fprintf(out, "\nand %s more rules\n", count(len(rules)-maxRules))
			break
		}
		fmt.Fprintf(out, "\n%s: %s\n", printable.Text(rule[0].Group), printable.Text(rule[0].Expected))
		for _, r := range rule[:min(len(rule), maxPerRule)] {
			word, why := fault(r)
			if !plain {
				word = verdictColors[conform.Failed].Sprint(word)
			}
			fmt.Fprintf(out, "  %s  %s  %s\n      %s\n", word, r.ID, printable.Text(r.Title), cut(why, 160))
		}
		if rest := rule[min(len(rule), maxPerRule):]; len(rest) > 0 {
			fmt.Fprintf(out, "  and %s more: %s\n", count(len(rest)), numbers(rest))
		}
	}
}

// failedByRule gathers the cases that have not passed by their group and by what they
// expect, in the order in which these come.
func failedByRule(total *summary) (rules [][]*conform.Result) {
	type rule struct{ group, expected string }
	at := map[rule]int{}
	for _, r := range total.Results {
		if r.Passed() {
			continue
		}
		key := rule{r.Group, r.Expected}
		i, known := at[key]
		if !known {
			i = len(rules)
			at[key] = i
			rules = append(rules, nil)
		}
		rules[i] = append(rules[i], r)
	}
	return rules
}

// numbers are those of the cases, as far as a line has room for them.
func numbers(results []*conform.Result) string {
	var all []string
	for _, r := range results {
		all = append(all, r.ID)
	}
	return cut(strings.Join(all, ", "), 160)
}

// writeOutcome is the last line: the one that is read first.
func writeOutcome(out *strings.Builder, report *conform.Report, total *summary, plain bool) {
	line := fmt.Sprintf("%s of %s cases passed in %s", count(total.Passed), count(total.played()), took(report.Took))
	if more := total.notAgreedOn(); more != "" {
		line += ", and " + more
	}
	if !plain {
		c := verdictColors[conform.OK]
		if total.failures() > 0 {
			c = verdictColors[conform.Failed]
		}
		line = c.Sprint(line)
	}
	fmt.Fprintf(out, "\n%s\n", line)
}

// cut returns s, or its beginning and an ellipsis if it has more than most runes.
func cut(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
