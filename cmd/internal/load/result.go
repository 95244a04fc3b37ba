package load

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Interval is what happened in one part of a run.
type Interval struct {
	At          time.Duration // when it ended, from when sending began; 0 while connections are made
	Length      time.Duration
	Counts      Counts
	Total       Counts // of the run so far
	Open        int    // connections
	P50         time.Duration
	P99         time.Duration
	Max         time.Duration
	ClientCores float64 // that this process kept busy
	ServerCores float64 // and the server's, if its PID is known

	ServerMemory int64 // resident bytes
}

// extend adds a short interval that follows. Its percentiles and cores are left out.
func (i *Interval) extend(rest *Interval) {
	i.At, i.Length = rest.At, i.Length+rest.Length
	i.Counts.add(&rest.Counts)
	i.Total, i.Open = rest.Total, rest.Open
	i.Max = max(i.Max, rest.Max)
}

// Rate is how many messages came a second, as they had to.
func (i *Interval) Rate(m Mode) float64 { return perSecond(i.Counts.good(m), i.Length) }

// good counts messages by what the mode is about.
func (c *Counts) good(m Mode) int64 {
	switch m {
	case Send:
		return c.Sent
	case Receive:
		return c.Received
	}
	return c.Answered
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// Usage is what a process used while messages were sent.
type Usage struct {
	CPU   time.Duration
	Cores float64
}

// Server is what the server's process used.
type Server struct {
	Usage
	Memory, Peak int64 // resident bytes at the end, and at most
}

// Result is what a run has come to.
type Result struct {
	Config  Config
	Started time.Time
	// Took is the time from when sending began until the last answer had come or was given up.
	Took        time.Duration
	Interrupted bool
	Counts      Counts
	Latency     *hdrhistogram.Histogram // in nanoseconds
	Connect     *hdrhistogram.Histogram // of dials
	Intervals   []Interval
	Faults      []Fault
	Client      Usage
	Server      *Server // nil if its PID is not known
	// Bottleneck tells why the figures are this program's and not the server's. Empty: they are
	// the server's.
	Bottleneck string
}

// Rate is how many messages came a second, as they had to.
func (r *Result) Rate() float64 { return perSecond(r.Counts.good(r.Config.Mode), r.Took) }

// Good is how many messages those were.
func (r *Result) Good() int64 { return r.Counts.good(r.Config.Mode) }

// Quantile is a percentile of a histogram.
func Quantile(h *hdrhistogram.Histogram, p float64) time.Duration {
	if h.TotalCount() == 0 {
		return 0
	}
	return time.Duration(h.ValueAtQuantile(p))
}

// A client is the bottleneck if its loops had hardly any time left, or if messages left late.
const (
	busy      = 0.9
	lateShare = 0.05
)

// bottleneck tells why the client was it.
func (w *watch) bottleneck() string {
	most := float64(w.run.cores())
	if c := w.result.Client.Cores; c >= busy*most {
		return fmt.Sprintf("this program used %.2f cores of the %.0f that its event loops can: give it more --loops, or a machine of its own", c, most)
	}
	if w.paced > 0 && float64(w.behind) > lateShare*float64(w.paced) {
		return fmt.Sprintf("%.0f %% of the messages left more than %v late: the machine was too busy for the rate",
			100*float64(w.behind)/float64(w.paced), time.Duration(latest))
	}
	return ""
}
