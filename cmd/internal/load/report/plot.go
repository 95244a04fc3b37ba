package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"time"

	"github.com/go-analyze/charts"

	"github.com/framerail/framerail/cmd/internal/load"
)

// plot is a drawing of the page.
type plot struct {
	Title string
	SVG   template.HTML
}

// series is one line of a plot.
type series struct {
	name   string
	values []float64
}

// steps is how many points the plot of percentiles has from one nine to the next.
const steps = 10

// most is how many points a line has at most. Longer runs show every second, third … interval.
const most = 300

// plots are all that there is something for.
func plots(r *load.Result) ([]plot, error) {
	var all []plot
	var first error
	add := func(title string, x []string, labels int, format func(float64) string, lines ...series) {
		svg, err := draw(x, labels, format, lines)
		if err != nil && first == nil {
			first = fmt.Errorf("plot %q: %w", title, err)
		}
		all = append(all, plot{title, svg})
	}
	if r.Latency.TotalCount() > 0 {
		x, y := byPercentile(r)
		add("Latency by percentile", x, len(x)/steps+1, milliseconds, series{"latency", y})
	}
	if len(r.Intervals) > 1 {
		t := overTime(r)
		add("Messages a second", t.x, min(len(t.x), 10), thousands, t.line("rate", func(i *load.Interval) float64 { return i.Rate(r.Config.Mode) }))
		if r.Latency.TotalCount() > 0 {
			add("Latency over time", t.x, min(len(t.x), 10), milliseconds,
				t.line("p50", func(i *load.Interval) float64 { return inMilliseconds(i.P50) }),
				t.line("p99", func(i *load.Interval) float64 { return inMilliseconds(i.P99) }))
		}
		cores := []series{t.line("this program", func(i *load.Interval) float64 { return i.ClientCores })}
		if r.Server != nil {
			cores = append(cores, t.line("server", func(i *load.Interval) float64 { return i.ServerCores }))
			add("Resident memory of the server", t.x, min(len(t.x), 10), mebibytes, t.line("resident", func(i *load.Interval) float64 { return float64(i.ServerMemory) / (1 << 20) }))
		}
		add("Cores in use", t.x, min(len(t.x), 10), twoDigits, cores...)
	}
	return all, first
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func milliseconds(x float64) string          { return strconv.FormatFloat(x, 'g', 3, 64) + " ms" }
func thousands(x float64) string             { return Count(int64(x)) }
func mebibytes(x float64) string             { return strconv.FormatFloat(x, 'g', 3, 64) + " MiB" }
func twoDigits(x float64) string             { return strconv.FormatFloat(x, 'f', 2, 64) }

// timeline is the intervals that are shown, and their times.
type timeline struct {
	x     []string
	shown []*load.Interval
}

func overTime(r *load.Result) (t timeline) {
	step := (len(r.Intervals) + most - 1) / most
	for i := 0; i < len(r.Intervals); i += step {
		t.shown = append(t.shown, &r.Intervals[i])
		t.x = append(t.x, fmt.Sprintf("%.0f s", r.Intervals[i].At.Seconds()))
	}
	return t
}

func (t *timeline) line(name string, of func(*load.Interval) float64) series {
	s := series{name: name}
	for _, i := range t.shown {
		s.values = append(s.values, of(i))
	}
	return s
}

// byPercentile has percentiles at equal steps of the logarithm of what is above them, so that 90,
// 99 and 99.9 are as far from one another. It ends where a single message is left.
func byPercentile(r *load.Result) (x []string, y []float64) {
	nines := int(math.Ceil(math.Log10(float64(max(r.Latency.TotalCount(), 10)))))
	for i := range nines*steps + 1 {
		p := 100 * (1 - math.Pow(10, -float64(i)/steps))
		x = append(x, "p"+strconv.FormatFloat(p, 'g', 8, 64))
		y = append(y, inMilliseconds(load.Quantile(r.Latency, max(p, 1e-9))))
	}
	return x, y
}

// draw draws lines over x, of which it shows so many labels.
func draw(x []string, labels int, format func(float64) string, lines []series) (template.HTML, error) {
	values := make([][]float64, 0, len(lines))
	names := make([]string, 0, len(lines))
	for _, l := range lines {
		values, names = append(values, l.values), append(names, l.name)
	}
	o := charts.NewLineChartOptionWithData(values)
	o.XAxis.Labels, o.XAxis.LabelCount, o.XAxis.BoundaryGap = x, labels, charts.Ptr(false)
	o.YAxis = []charts.YAxisOption{{Min: charts.Ptr(0.0)}}
	o.ValueFormatter = format
	o.Symbol = charts.Symbol{Shape: charts.SymbolNone}
	o.LineStrokeWidth = 2
	if len(lines) > 1 {
		o.Legend.SeriesNames = names
	}
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: 760, Height: 300})
	if err := p.LineChart(o); err != nil {
		return "", err
	}
	svg, err := p.Bytes()
	return template.HTML(svg), err // its text is this program's own, and numbers
}
