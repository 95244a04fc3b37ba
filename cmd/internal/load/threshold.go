package load

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Threshold is a bound for one of the figures of a run, such as p99>50ms.
type Threshold struct {
	text   string
	metric string
	op     string
	bound  float64 // durations in nanoseconds
}

// metrics are what thresholds may be about. Beside them there are percentiles of the latency, such
// as p99.9, and of dials, such as connect-p99.
var metrics = map[string]func(*Result) float64{
	"mean":       func(r *Result) float64 { return r.Latency.Mean() },
	"max":        func(r *Result) float64 { return float64(r.Latency.Max()) },
	"rate":       (*Result).Rate,
	"errors":     func(r *Result) float64 { return float64(r.Counts.Errors()) },
	"lost":       func(r *Result) float64 { return float64(r.Counts.Lost) },
	"corrupt":    func(r *Result) float64 { return float64(r.Counts.Corrupt) },
	"repeated":   func(r *Result) float64 { return float64(r.Counts.Repeated) },
	"refused":    func(r *Result) float64 { return float64(r.Counts.Refused) },
	"closed":     func(r *Result) float64 { return float64(r.Counts.Closed) },
	"unsent":     func(r *Result) float64 { return float64(r.Counts.Unsent) },
	"server-cpu": func(r *Result) float64 { return r.server().Cores },
	"server-rss": func(r *Result) float64 { return float64(r.server().Peak) },
}

func (r *Result) server() Server {
	if r.Server == nil {
		return Server{}
	}
	return *r.Server
}

// percentile is which one a name is of, and of what.
func percentile(name string) (p float64, connect, ok bool) {
	name, connect = strings.CutPrefix(name, "connect-")
	digits, found := strings.CutPrefix(name, "p")
	p, err := strconv.ParseFloat(digits, 64)
	return p, connect, found && err == nil && p > 0 && p <= 100
}

// UnmarshalText reads NAME, one of > >= < <=, and a number or a duration.
func (t *Threshold) UnmarshalText(text []byte) error {
	s := strings.ReplaceAll(string(text), " ", "")
	at := strings.IndexAny(s, "<>")
	if at < 1 {
		return fmt.Errorf("%q is not a bound: want one such as p99>50ms or errors>0", s)
	}
	t.text, t.metric, t.op = s, s[:at], s[at:at+1]
	rest := s[at+1:]
	if tail, ok := strings.CutPrefix(rest, "="); ok {
		t.op, rest = t.op+"=", tail
	}
	_, _, isPercentile := percentile(t.metric)
	if _, known := metrics[t.metric]; !known && !isPercentile {
		return fmt.Errorf("%q is no figure: want one of %s, or p50, p99.9, connect-p99", t.metric, strings.Join(Metrics(), ", "))
	}
	if isPercentile || t.metric == "mean" || t.metric == "max" {
		d, err := time.ParseDuration(rest)
		t.bound = float64(d)
		return err
	}
	var err error
	if t.bound, err = strconv.ParseFloat(rest, 64); err != nil {
		err = fmt.Errorf("%q is not a number", rest)
	}
	return err
}

// Metrics are the names of figures, without percentiles.
func Metrics() []string {
	names := make([]string, 0, len(metrics))
	for name := range metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// String is the bound as it was given.
func (t Threshold) String() string { return t.text }

// Met reports whether a run fails by it.
func (t Threshold) Met(r *Result) bool {
	value := 0.0
	if p, connect, ok := percentile(t.metric); ok {
		h := r.Latency
		if connect {
			h = r.Connect
		}
		value = float64(Quantile(h, p))
	} else {
		value = metrics[t.metric](r)
	}
	switch t.op {
	case ">":
		return value > t.bound
	case ">=":
		return value >= t.bound
	case "<":
		return value < t.bound
	}
	return value <= t.bound
}
