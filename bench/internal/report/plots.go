package report

import (
	"image/color"
	"math"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

const width, height = 24 * vg.Centimeter, 13 * vg.Centimeter

// colour is that of a number: seven soft ones, and then as many dark ones.
func colour(i int) color.Color {
	if n := len(plotutil.SoftColors); i < n {
		return plotutil.SoftColors[i]
	}
	return plotutil.DarkColors[i%len(plotutil.DarkColors)]
}

// chart is one plot: of which rows, and how.
type chart struct {
	name  string
	title string
	rows  func(Row) bool
	draw  func(p *plot.Plot, rows []Row) error
}

// plots are all there are.
var plots = []chart{
	{"echo", "CPU for each echo, 50 connections or fewer", onAxisOf("echo"), lines("bytes of payload", "µs of server CPU", CPU, 1, true)},
	{"connections", "CPU for each echo of 100 B", onAxisOf("connections"), lines("connections", "µs of server CPU", CPU, 1, true)},
	{"ratios", "CPU for each message, gws being 1", func(r Row) bool { return r.has(Ratio) && !onAxisOf("echo")(r) && !onAxisOf("connections")(r) }, bars},
	{"latency", "Latency under a mixed load", inSection("latency"), percentiles},
	{"memory", "Memory of the server's process", inSection("memory"), lines("connections", "MB", Resident, 1e-6, false)},
}

func inSection(name string) func(Row) bool { return func(r Row) bool { return r.Section == name } }

// onAxisOf are the rows of a section that have a place on its axis.
func onAxisOf(name string) func(Row) bool {
	return func(r Row) bool { return r.Section == name && r.Place > 0 }
}

// plot draws a chart. Nil: there is nothing in it.
func (c chart) plot(r Report) (*plot.Plot, error) {
	rows := r.which(c.rows)
	if len(rows) == 0 {
		return nil, nil
	}
	p := plot.New()
	p.Title.Text = c.title
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.TextStyle.Font.Size = vg.Points(8)
	p.Add(plotter.NewGrid())
	if err := c.draw(p, rows); err != nil {
		return nil, err
	}
	if p.Y.Min > p.Y.Max {
		return nil, nil // all figures are refused, or there are none
	}
	return p, nil
}

// save writes a chart as SVG, if there is anything in it.
func (c chart) save(r Report, dir string) error {
	p, err := c.plot(r)
	if p == nil || err != nil {
		return err
	}
	return p.Save(width, height, filepath.Join(dir, c.name+".svg"))
}

// lines draws a figure over the place of each row.
func lines(x, y, figure string, scale float64, logarithmic bool) func(*plot.Plot, []Row) error {
	return func(p *plot.Plot, rows []Row) error {
		p.X.Label.Text, p.Y.Label.Text = x, y
		for i, name := range columns(rows) {
			var points plotter.XYs
			for _, row := range rows {
				s, _ := row.In(name)
				if v, ok := s.Value(figure); ok && v > 0 {
					points = append(points, plotter.XY{X: float64(row.Place), Y: v * scale})
				}
			}
			if err := addLine(p, i, name, points); err != nil {
				return err
			}
		}
		if logarithmic {
			widen(&p.X)
			widen(&p.Y)
		} else {
			p.Y.Min, p.Y.Max = 0, p.Y.Max*1.4 // with room for the legend
		}
		p.X.Tick.Marker = places(rows)
		return nil
	}
}

// places are the marks of the rows.
func places(rows []Row) (ticks plot.ConstantTicks) {
	for _, row := range rows {
		ticks = append(ticks, plot.Tick{Value: float64(row.Place), Label: thousands(int64(row.Place))})
	}
	return ticks
}

// widen makes an axis logarithmic, with room on both sides: a range of one value has none.
func widen(a *plot.Axis) {
	a.Scale, a.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	a.Min, a.Max = a.Min/1.5, a.Max*1.5
}

// addLine adds a line with points, in the colour of a number.
func addLine(p *plot.Plot, i int, name string, points plotter.XYs) error {
	if len(points) == 0 {
		return nil
	}
	line, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, marks.Color, marks.Shape = colour(i), colour(i), plotutil.Shape(i)
	p.Add(line, marks)
	p.Legend.Add(name, line, marks)
	return nil
}

// percentiles draws latencies of each server.
func percentiles(p *plot.Plot, rows []Row) error {
	p.Y.Label.Text = "µs"
	p.NominalX("50 %", "99 %", "99.9 %")
	for i, name := range columns(rows) {
		s, _ := rows[0].In(name)
		var points plotter.XYs
		for x, figure := range []string{P50, P99, P999} {
			if v, ok := s.Value(figure); ok && v > 0 {
				points = append(points, plotter.XY{X: float64(x), Y: v})
			}
		}
		if err := addLine(p, i, name, points); err != nil {
			return err
		}
	}
	widen(&p.Y)
	return nil
}

// bars draws the ratio of each server in each row.
func bars(p *plot.Plot, rows []Row) error {
	const barWidth = 0.09 // of the distance between two rows, which is 1
	names := columns(rows)
	var labels []string
	for _, row := range rows {
		labels = append(labels, row.Name)
	}
	pixels := (width - 2*vg.Centimeter) / vg.Length(len(rows)) * barWidth
	for i, name := range names {
		values := make(plotter.Values, len(rows))
		for j, row := range rows {
			s, _ := row.In(name)
			values[j], _ = s.Value(Ratio)
		}
		bar, err := plotter.NewBarChart(values, pixels)
		if err != nil {
			return err
		}
		bar.LineStyle.Width, bar.Color = 0, colour(i)
		bar.Offset = pixels * vg.Length(float64(i)-float64(len(names)-1)/2)
		p.Add(bar)
		p.Legend.Add(name, bar)
	}
	p.Y.Label.Text = "ratio"
	p.Y.Min, p.Y.Max = 0, p.Y.Max*1.2
	p.NominalX(labels...)
	p.X.Tick.Label.Rotation = math.Pi / 4
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = -1, -0.5
	p.X.Tick.Label.Font.Size = vg.Points(7)
	return nil
}
