package report

import (
	"fmt"
	"math"
	"strings"
)

// table writes rows and columns in Markdown. Empty cells stay empty.
type table struct{ strings.Builder }

func (t *table) row(cells ...string) { fmt.Fprintf(t, "| %s |\n", strings.Join(cells, " | ")) }

// head begins a table whose first column is text, and the others numbers; words one of text.
func (t *table) head(cells ...string) { t.begin("---:", cells) }

func (t *table) words(cells ...string) { t.begin("---", cells) }

func (t *table) begin(align string, cells []string) {
	t.row(cells...)
	t.row("---" + strings.Repeat(" | "+align, len(cells)-1))
}

// matrix shows one figure of some rows, a column for each server. The least of a row is bold,
// or the most.
func matrix(rows []Row, figure string, most bool) string {
	var t table
	names := columns(rows)
	t.head(append([]string{"load"}, names...)...)
	for _, row := range rows {
		best := row.best(figure, most)
		cells := []string{fmt.Sprintf("`%s`: %s", row.Name, row.Load)}
		for _, name := range names {
			s, ok := row.In(name)
			if !ok {
				cells = append(cells, "")
				continue
			}
			cells = append(cells, s.cell(figure, s.Name == best))
		}
		t.row(cells...)
	}
	return t.String()
}

// cell is what a table says of a figure.
func (s Server) cell(figure string, bold bool) string {
	f, ok := s.Figures[figure]
	switch {
	case s.Failed != "":
		return "failed"
	case s.Refused[figure] != "":
		return "refused"
	case !ok:
		return ""
	}
	text := number(f.Median)
	if bold {
		text = "**" + text + "**"
	}
	if low, high := number(f.Low), number(f.High); low != high {
		text += fmt.Sprintf(" (%s–%s)", low, high)
	}
	return text
}

// best is the server with the least of a figure, or the most. The floors have no library, and are left out.
func (r Row) best(figure string, most bool) (name string) {
	limit := math.Inf(1)
	for _, s := range r.Servers {
		v, ok := s.Value(figure)
		if most {
			v = -v
		}
		if ok && s.Library != "" && v < limit {
			name, limit = s.Name, v
		}
	}
	return name
}

// number has three digits, or all before the point.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return thousands(int64(math.Round(v)))
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func thousands(n int64) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// latencies has a line for each server of each row.
func latencies(rows []Row) string {
	var t table
	t.head("load, server", "50 %", "99 %", "99.9 %")
	for _, row := range rows {
		for _, s := range row.Servers {
			cells := []string{fmt.Sprintf("`%s`, %s", row.Name, s.Name)}
			for _, figure := range []string{P50, P99, P999} {
				cells = append(cells, s.cell(figure, s.Name == row.best(figure, false)))
			}
			t.row(cells...)
		}
	}
	return t.String()
}

// ours is the library whose defeats are listed.
const ours = "framerail"

// defeats lists the rows in which another library has the better figure.
func defeats(rows []Row, figure string, most bool) (list []string) {
	for _, row := range rows {
		own, found := row.In(ours)
		if !found && len(row.Servers) > 0 && row.Servers[0].Library == ours {
			own, found = row.Servers[0], true
		}
		mine, ok := own.Value(figure)
		best, _ := row.In(columnOf(row.best(figure, most)))
		if value, better := best.Value(figure); found && ok && better && best.Library != ours {
			list = append(list, fmt.Sprintf("%s in `%s` (%s, framerail %s)", best.Name, row.Name, number(value), number(mine)))
		}
	}
	return list
}

func columnOf(name string) string { return Server{Name: name}.Column() }
