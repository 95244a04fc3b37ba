package report

import (
	_ "embed"
	"html/template"
	"io"
	"time"

	"github.com/framerail/framerail/cmd/internal/load"
	"github.com/framerail/framerail/cmd/internal/printable"
)

//go:embed page.html
var pageHTML string

// pageView is what the template shows, which escapes what is markup in it.
type pageView struct {
	About
	Started     string
	Setup, Rows [][2]string
	Faults      []load.Fault
	Percentiles [][2]string
	Plots       []plot
	Bottleneck  string
	Interrupted bool
}

// WriteHTML writes a page that needs nothing else: it has its style and its plots in it, has no
// script, and loads nothing.
func WriteHTML(w io.Writer, r *load.Result, about About) error {
	page, err := template.New("page").Parse(pageHTML) // here, so that no other command pays for it
	if err != nil {
		return err
	}
	v := pageView{
		About: about, Started: r.Started.UTC().Format("2006-01-02 15:04 UTC"), Setup: setupRows(&r.Config), Rows: rows(r),
		Bottleneck: r.Bottleneck, Interrupted: r.Interrupted,
	}
	for _, f := range r.Faults {
		v.Faults = append(v.Faults, load.Fault{What: printable.Text(f.What), Count: f.Count})
	}
	if r.Latency.TotalCount() > 0 {
		for _, q := range percentiles {
			v.Percentiles = append(v.Percentiles, [2]string{percentileName(q), Duration(load.Quantile(r.Latency, q))})
		}
		v.Percentiles = append(v.Percentiles, [2]string{"max", Duration(time.Duration(r.Latency.Max()))})
	}
	if v.Plots, err = plots(r); err != nil {
		return err
	}
	return page.Execute(w, v)
}

// setupRows are what was asked for.
func setupRows(c *load.Config) [][2]string {
	rate := "the next when an answer comes"
	if c.Traffic.Rate > 0 {
		rate = Count(int64(c.Traffic.Rate)) + " messages a second in all"
	}
	kind := "text"
	if c.Binary {
		kind = "binary"
	}
	return [][2]string{
		{"mode", string(c.Mode)}, {"connections", Count(int64(c.Connections))}, {"rate", rate}, {"length", c.Sizes.String() + ", " + kind},
		{"waiting at most", Count(int64(c.Pipeline)) + " for each connection"}, {"verified", string(c.Verify)},
	}
}
