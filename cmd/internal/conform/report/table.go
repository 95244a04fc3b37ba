package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/framerail/framerail/cmd/internal/conform"
)

// maxListed is how many cases that have not passed are listed below the table.
// Someone with more reads a file.
const maxListed = 40

// WriteTable writes what a run came to, for a person who watched it: a line for
// each group, and one for each case that has not passed. It is aligned by spaces
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
	r := table.Row{clean(s.Group), count(len(s.Results))}
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

// listFailed names the cases that have not passed, and what came instead.
func listFailed(out *strings.Builder, total *summary, plain bool) {
	failed := total.failures()
	if failed == 0 {
		return
	}
	out.WriteByte('\n')
	listed := 0
	for _, r := range total.Results {
		if r.Passed() {
			continue
		}
		if listed++; listed > maxListed {
			fmt.Fprintf(out, "and %s more\n", count(failed-maxListed))
			break
		}
		word, why := fault(r)
		if !plain {
			word = verdictColors[conform.Failed].Sprint(word)
		}
		fmt.Fprintf(out, "%s  %s  %s\n    %s\n", word, r.ID, clean(r.Title), cut(why, 160))
	}
}

// writeOutcome is the last line: the one that is read first.
func writeOutcome(out *strings.Builder, report *conform.Report, total *summary, plain bool) {
	line := fmt.Sprintf("%s of %s cases passed in %s", count(total.Passed), count(len(total.Results)), took(report.Took))
	if !plain {
		c := verdictColors[conform.OK]
		if total.failures() > 0 {
			c = verdictColors[conform.Failed]
		}
		line = c.Sprint(line)
	}
	fmt.Fprintf(out, "\n%s\n", line)
}
