package report

import (
	"fmt"
	"io"
	"time"

	"github.com/framerail/framerail/cmd/internal/load"
)

// Line is an interval in one line.
func Line(m load.Mode, i *load.Interval) string {
	if i.At == 0 {
		return fmt.Sprintf("opening: %d open, %d refused", i.Open, i.Total.Refused)
	}
	line := fmt.Sprintf("%5.1fs  %d open  %s/s", i.At.Seconds(), i.Open, Count(int64(i.Rate(m))))
	if i.Counts.Answered > 0 {
		line += fmt.Sprintf("  p50 %v  p99 %v", Duration(i.P50), Duration(i.P99))
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
	p := &printer{w: w}
	c := &r.Counts
	p.row("connections", "%s opened, %s refused, %s lost on the way, %s not closed in order", Count(c.Opened), Count(c.Refused), Count(c.Closed), Count(c.Unclean))
	p.row("opening", "p50 %v, p99 %v, max %v", Duration(load.Quantile(r.Connect, 50)), Duration(load.Quantile(r.Connect, 99)), Duration(time.Duration(r.Connect.Max())))
	p.row("messages", "%s sent, %s received in %v: %s/s", Count(c.Sent), Count(c.Received), Duration(r.Took), Count(int64(r.Rate())))
	p.row("bytes", "%s sent, %s received", Bytes(c.SentBytes), Bytes(c.ReceivedBytes))
	if r.Latency.TotalCount() > 0 {
		line := ""
		for _, q := range percentiles {
			line += fmt.Sprintf("p%v %v, ", q, Duration(load.Quantile(r.Latency, q)))
		}
		p.row("latency", "%smax %v", line, Duration(time.Duration(r.Latency.Max())))
	}
	p.row("errors", "%s lost, %s corrupt, %s repeated, %s unasked, %s due and not sent", Count(c.Lost), Count(c.Corrupt), Count(c.Repeated), Count(c.Unasked), Count(c.Unsent))
	for _, f := range r.Faults {
		p.row("", "%s × %s", Count(f.Count), clean(f.What))
	}
	p.row("this program", "%s", usage(r.Client, r.Good()))
	if s := r.Server; s != nil {
		p.row("server", "%s, resident %s, at most %s", usage(s.Usage, r.Good()), Bytes(s.Memory), Bytes(s.Peak))
	}
	if r.Bottleneck != "" {
		p.row("bottleneck", "the client was the bottleneck: %s", r.Bottleneck)
	}
	if r.Interrupted {
		p.row("interrupted", "the figures are of the time until then")
	}
	return p.err
}

func usage(u load.Usage, messages int64) string {
	s := fmt.Sprintf("%.2f cores", u.Cores)
	if messages > 0 {
		s += fmt.Sprintf(", %v CPU a message", Duration(u.CPU/time.Duration(messages)))
	}
	return s
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) row(name, format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
}
