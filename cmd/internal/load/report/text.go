package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/framerail/framerail/cmd/internal/load"
	"github.com/framerail/framerail/cmd/internal/printable"
)

// Line is an interval in one line.
func Line(m load.Mode, i *load.Interval) string {
	if i.At == 0 {
		return fmt.Sprintf("opening: %d open, %d refused", i.Open, i.Total.Refused)
	}
	line := fmt.Sprintf("%5.1fs  %d open  %s/s", i.At.Seconds(), i.Open, Count(int64(i.Rate(m))))
	if i.Counts.Answered > 0 {
		line += fmt.Sprintf("  p50 %s  p99 %s", Duration(i.P50), Duration(i.P99))
	}
	line += fmt.Sprintf("  %s errors", Count(i.Total.Errors()))
	if i.ServerMemory > 0 {
		line += fmt.Sprintf("  server %.2f cores, %s", i.ServerCores, Bytes(i.ServerMemory))
	}
	return line
}

// percentiles are those that all forms show.
var percentiles = []float64{50, 75, 90, 95, 99, 99.9, 99.99}

// WriteText writes the figures for people.
func WriteText(w io.Writer, r *load.Result) error {
	var out strings.Builder
	row := func(name, text string) { fmt.Fprintf(&out, "%-13s %s\n", name, text) }
	for _, one := range rows(r) {
		row(one[0], one[1])
	}
	if r.Latency.TotalCount() > 0 {
		line := ""
		for _, q := range percentiles {
			line += fmt.Sprintf("%s %s, ", percentileName(q), Duration(load.Quantile(r.Latency, q)))
		}
		row("latency", line+"max "+Duration(time.Duration(r.Latency.Max())))
	}
	for _, f := range r.Faults {
		row("", Count(f.Count)+" × "+printable.Text(f.What))
	}
	if r.Bottleneck != "" {
		row("bottleneck", "the client was the bottleneck: "+r.Bottleneck)
	}
	if r.Interrupted {
		row("interrupted", "the figures are of the time until then")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func percentileName(q float64) string { return fmt.Sprintf("p%v", q) }

// rows are the figures that the text and the page have, each with its name.
func rows(r *load.Result) [][2]string {
	c := &r.Counts
	all := [][2]string{
		{"connections", fmt.Sprintf("%s opened, %s refused, %s lost on the way, %s not closed in order", Count(c.Opened), Count(c.Refused), Count(c.Closed), Count(c.Unclean))},
		{"opening", fmt.Sprintf("p50 %s, p99 %s, max %s", Duration(load.Quantile(r.Connect, 50)), Duration(load.Quantile(r.Connect, 99)), Duration(time.Duration(r.Connect.Max())))},
		{"messages", fmt.Sprintf("%s sent, %s received in %s: %s/s", Count(c.Sent), Count(c.Received), Duration(r.Took), Count(int64(r.Rate())))},
		{"bytes", fmt.Sprintf("%s sent, %s received", Bytes(c.SentBytes), Bytes(c.ReceivedBytes))},
		{"errors", fmt.Sprintf("%s lost, %s corrupt, %s repeated, %s unasked, %s due and not sent", Count(c.Lost), Count(c.Corrupt), Count(c.Repeated), Count(c.Unasked), Count(c.Unsent))},
		{"this program", usage(r.Client, r.Good())},
	}
	if s := r.Server; s != nil {
		all = append(all, [2]string{"server", fmt.Sprintf("%s, resident %s, at most %s", usage(s.Usage, r.Good()), Bytes(s.Memory), Bytes(s.Peak))})
	}
	return all
}

func usage(u load.Usage, messages int64) string {
	s := fmt.Sprintf("%.2f cores", u.Cores)
	if messages > 0 {
		s += ", " + Duration(u.CPU/time.Duration(messages)) + " CPU a message"
	}
	return s
}
