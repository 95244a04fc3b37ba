package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/framerail/framerail/cmd/internal/load"
)

// document is a result in JSON. Times are in seconds, and sizes in bytes.
type document struct {
	Format      int            `json:"format"` // counts up when programs that read it would not understand it
	Version     string         `json:"version"`
	URL         string         `json:"url"`
	Started     time.Time      `json:"started"`
	Setup       setup          `json:"setup"`
	Seconds     float64        `json:"seconds"`
	Interrupted bool           `json:"interrupted"`
	Rate        float64        `json:"rate"`
	Counts      load.Counts    `json:"counts"`
	Errors      int64          `json:"errors"`
	Faults      []load.Fault   `json:"faults"`
	Latency     distribution   `json:"latency"`
	Connect     distribution   `json:"connect"`
	Client      usageJSON      `json:"client"`
	Server      *usageJSON     `json:"server,omitempty"`
	Bottleneck  string         `json:"bottleneck,omitempty"`
	Failed      []string       `json:"failed"` // thresholds that are met
	Intervals   []intervalJSON `json:"intervals"`
}

// setup is what was asked for.
type setup struct {
	Mode        load.Mode   `json:"mode"`
	Connections int         `json:"connections"`
	Sizes       string      `json:"sizes"`
	Rate        float64     `json:"rate,omitempty"`
	Pipeline    int         `json:"pipeline"`
	Binary      bool        `json:"binary"`
	Verify      load.Verify `json:"verify"`
	Deflate     bool        `json:"deflate"`
	Loops       int         `json:"loops"`
	Seed        uint64      `json:"seed"`
}

type usageJSON struct {
	CPU    float64 `json:"cpu_seconds"`
	Cores  float64 `json:"cores"`
	Memory int64   `json:"rss_bytes,omitempty"`
	Peak   int64   `json:"rss_peak_bytes,omitempty"`
}

type distribution struct {
	Count       int64              `json:"count"`
	Min         float64            `json:"min"`
	Mean        float64            `json:"mean"`
	Max         float64            `json:"max"`
	Percentiles map[string]float64 `json:"percentiles"`
}

type intervalJSON struct {
	At          float64     `json:"at"`
	Seconds     float64     `json:"seconds"`
	Open        int         `json:"open"`
	Rate        float64     `json:"rate"`
	P50         float64     `json:"p50"`
	P99         float64     `json:"p99"`
	Max         float64     `json:"max"`
	ClientCores float64     `json:"client_cores"`
	ServerCores float64     `json:"server_cores,omitempty"`
	ServerRSS   int64       `json:"server_rss_bytes,omitempty"`
	Counts      load.Counts `json:"counts"`
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }

func newDistribution(h *hdrhistogram.Histogram) distribution {
	d := distribution{Count: h.TotalCount(), Percentiles: map[string]float64{}}
	if d.Count == 0 {
		return d
	}
	d.Min, d.Mean, d.Max = seconds(h.Min()), h.Mean()/float64(time.Second), seconds(h.Max())
	for _, q := range percentiles {
		d.Percentiles[percentileName(q)] = load.Quantile(h, q).Seconds()
	}
	return d
}

// WriteJSON writes everything for programs.
func WriteJSON(w io.Writer, r *load.Result, about About) error {
	c := &r.Config
	d := document{
		Format: 1, Version: about.Version, URL: about.URL, Started: r.Started,
		Setup: setup{
			Mode: c.Mode, Connections: c.Connections, Sizes: c.Sizes.String(), Rate: c.Traffic.Rate, Pipeline: c.Pipeline,
			Binary: c.Binary, Verify: c.Verify, Deflate: c.Deflate.Enabled, Loops: c.Loops, Seed: c.Seed,
		},
		Seconds: r.Took.Seconds(), Interrupted: r.Interrupted, Rate: r.Rate(), Counts: r.Counts, Errors: r.Counts.Errors(),
		Faults: r.Faults, Latency: newDistribution(r.Latency), Connect: newDistribution(r.Connect),
		Client:     usageJSON{CPU: r.Client.CPU.Seconds(), Cores: r.Client.Cores},
		Bottleneck: r.Bottleneck, Failed: append([]string{}, about.Failed...), Intervals: []intervalJSON{},
	}
	if s := r.Server; s != nil {
		d.Server = &usageJSON{CPU: s.CPU.Seconds(), Cores: s.Cores, Memory: s.Memory, Peak: s.Peak}
	}
	for _, i := range r.Intervals {
		d.Intervals = append(d.Intervals, intervalJSON{
			At: i.At.Seconds(), Seconds: i.Length.Seconds(), Open: i.Open, Rate: i.Rate(c.Mode),
			P50: i.P50.Seconds(), P99: i.P99.Seconds(), Max: i.Max.Seconds(),
			ClientCores: i.ClientCores, ServerCores: i.ServerCores, ServerRSS: i.ServerMemory, Counts: i.Counts,
		})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}
