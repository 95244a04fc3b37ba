package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample has a row of traffic, one of latency and two of memory.
func sample() Report {
	f := func(v float64) Figure { return NewFigure([]float64{v, v * 2, v * 3}) }
	memory := func(n int, own, gws float64) Row {
		figures := func(v float64) map[string]Figure {
			return map[string]Figure{Memory: f(v), Resident: NewFigure([]float64{1e6 + v*float64(n)}), Kernel: f(1000)}
		}
		return Row{Name: "memory", Section: "memory", Memory: true, Place: n, Servers: []Server{
			{Name: "framerail", Library: "framerail", Figures: figures(own)}, {Name: "gws", Library: "gws", Figures: figures(gws)},
		}}
	}
	return Report{Command: "go run x", Versions: map[string]string{"gws": "v1"}, Rows: []Row{
		{Name: "tls-20B", Section: "tls", Load: "20 B", Servers: []Server{
			{Name: "framerail-tls", Library: "framerail", Figures: map[string]Figure{CPU: f(10), Rate: f(1000), Ratio: f(0.5)}, Refused: map[string]string{Rate: "why"}},
			{Name: "gws-tls", Library: "gws", Figures: map[string]Figure{CPU: f(9), Rate: f(900), Ratio: f(1)}},
			{Name: "nbio-tls", Library: "nbio", Failed: "broke"},
		}},
		{Name: "latency-1000", Section: "latency", Servers: []Server{
			{Name: "framerail", Library: "framerail", Figures: map[string]Figure{P50: f(1), P99: f(2), P999: f(3)}},
		}},
		memory(1000, 300, 12000), memory(10000, 300, 12000),
	}}
}

func TestFigureIsTheMiddleRound(t *testing.T) {
	if f := NewFigure([]float64{9, 1, 5}); f.Median != 5 || f.Low != 1 || f.High != 9 || !slices.Equal(f.Rounds, []float64{9, 1, 5}) {
		t.Errorf("%+v", f)
	}
	if got := Median([]int{2, 1}); got != 2 {
		t.Errorf("of two: %d", got)
	}
}

func TestSectionShowsWhatIsThere(t *testing.T) {
	text := sample().Section("figures")
	for _, want := range []string{
		"| load | framerail | gws | nbio |", "**18.0** (9.00–27.0)", "20.0 (10.0–30.0)", "| failed |", "| refused |",
		"gws-tls in `tls-20B` (18.0, framerail 20.0)", "![Latency](figures/latency.svg)", "| framerail | 1 MB | 300 B | 0.30 GB |",
		"A million", "README of nbio", "`go run x`",
	} {
		if !strings.Contains(text, want) && !strings.Contains(text, strings.ToLower(want)) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	for _, name := range []string{"echo", "connections"} { // no row of these is in it
		if strings.Contains(text, name+".svg") {
			t.Errorf("the plot %s is shown, of which there is none", name)
		}
	}
	if strings.Contains(text, "says nothing") {
		t.Error("a whole run passes for a short one")
	}
	short := sample()
	if short.Short = true; !strings.Contains(short.Section(""), "these figures say nothing") {
		t.Error("a short run does not say so")
	}
}

// What is refused is in no table, no plot and no list of those who win.
func TestWhatIsRefusedIsNotUsed(t *testing.T) {
	s := Server{Figures: map[string]Figure{Rate: {Median: 7}}, Refused: map[string]string{Rate: "why"}}
	if _, ok := s.Value(Rate); ok {
		t.Error("a figure that is refused has a value")
	}
	if list := defeats(sample().Rows[:1], Rate, true); len(list) > 0 {
		t.Errorf("compared with a figure that is refused: %v", list)
	}
}

func TestRenderWritesTablesAndPlots(t *testing.T) {
	dir := t.TempDir()
	if _, err := sample().Render(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"results.md", "ratios.svg", "latency.svg", "memory.svg"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(text) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "echo.svg")); err == nil {
		t.Error("a plot of nothing")
	}
}

// A row of a section with an axis may have no place on it.
func TestRenderLeavesOutOfAPlotWhatHasNoPlace(t *testing.T) {
	echo := func(place int) Row {
		return Row{Name: "echo", Section: "connections", Place: place, Servers: []Server{
			{Name: "framerail", Library: "framerail", Figures: map[string]Figure{CPU: NewFigure([]float64{5}), Ratio: NewFigure([]float64{1})}},
		}}
	}
	for name, rows := range map[string][]Row{"alone": {echo(0)}, "beside": {echo(0), echo(10), echo(100)}} {
		dir := t.TempDir()
		if _, err := (Report{Rows: rows}).Render(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "connections.svg")); (err == nil) != (name == "beside") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadReadsWhatWriteWrote(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.json")
	if err := sample().Write(name); err != nil {
		t.Fatal(err)
	}
	r, err := Read(name)
	if err != nil || len(r.Rows) != 4 || r.Section("") != sample().Section("") {
		t.Errorf("%d rows, %v", len(r.Rows), err)
	}
}

func TestReplace(t *testing.T) {
	got, err := Replace("a\n"+begin+"\nold\n"+end+"\nb\n", "new")
	if err != nil || strings.Contains(got, "old") || !strings.Contains(got, "new") || !strings.HasSuffix(got, end+"\nb\n") {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Replace("a", "new"); err == nil {
		t.Error("replaced what is not there")
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0.123: "0.12", 12.34: "12.3", 123.4: "123", 1234567: "1,234,567", -1500: "-1,500"} {
		if got := number(v); got != want {
			t.Errorf("%v: %s", v, got)
		}
	}
}

// What an earlier run measured stays, unless a server failed there or the runs differ.
func TestGoOnKeepsTheRowsOfAnEarlierRun(t *testing.T) {
	run := func(edit func(r *Report)) Report {
		r := sample()
		r.Rounds, r.Machine = 9, Machine{CPU: "x", Cores: 2, Load: 0.5}
		edit(&r)
		return r
	}
	now := run(func(r *Report) { r.Command, r.Rows, r.Machine.Load, r.Date = "go run y", nil, 0.2, time.Now() })
	if err := now.GoOn(run(func(r *Report) { r.Took = time.Hour })); err != nil {
		t.Fatal(err)
	}
	if now.Command != "go run x && go run y" || now.Took != time.Hour || now.Machine.Load != 0.5 || !now.Date.IsZero() {
		t.Errorf("%q, %v, a load of %v, of %v", now.Command, now.Took, now.Machine.Load, now.Date)
	}
	var names []string
	for _, row := range now.Rows {
		names = append(names, row.Name)
	}
	if !slices.Equal(names, []string{"latency-1000", "memory", "memory"}) { // nbio failed in tls-20B
		t.Errorf("kept %v", names)
	}
	for name, edit := range map[string]func(r *Report){
		"rounds":   func(r *Report) { r.Rounds = 3 },
		"short":    func(r *Report) { r.Short = true },
		"machine":  func(r *Report) { r.Machine.CPU = "y" },
		"versions": func(r *Report) { r.Versions = map[string]string{"gws": "v2"} },
	} {
		now := run(edit)
		if err := now.GoOn(run(func(*Report) {})); err == nil {
			t.Errorf("%s: runs that differ are one", name)
		}
	}
}
