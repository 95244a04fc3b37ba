package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/framerail/framerail/cmd/internal/load"
)

// columns are those of the CSV, with what each has of an interval. Times are in seconds.
var columns = []struct {
	name string
	of   func(load.Mode, *load.Interval) string
}{
	{"at", func(_ load.Mode, i *load.Interval) string { return decimal(i.At) }},
	{"seconds", func(_ load.Mode, i *load.Interval) string { return decimal(i.Length) }},
	{"open", func(_ load.Mode, i *load.Interval) string { return strconv.Itoa(i.Open) }},
	{"sent", func(_ load.Mode, i *load.Interval) string { return strconv.FormatInt(i.Counts.Sent, 10) }},
	{"received", func(_ load.Mode, i *load.Interval) string { return strconv.FormatInt(i.Counts.Received, 10) }},
	{"rate", func(m load.Mode, i *load.Interval) string { return strconv.FormatFloat(i.Rate(m), 'f', 1, 64) }},
	{"p50", func(_ load.Mode, i *load.Interval) string { return decimal(i.P50) }},
	{"p99", func(_ load.Mode, i *load.Interval) string { return decimal(i.P99) }},
	{"max", func(_ load.Mode, i *load.Interval) string { return decimal(i.Max) }},
	{"errors", func(_ load.Mode, i *load.Interval) string { return strconv.FormatInt(i.Counts.Errors(), 10) }},
	{"client_cores", func(_ load.Mode, i *load.Interval) string { return strconv.FormatFloat(i.ClientCores, 'f', 3, 64) }},
	{"server_cores", func(_ load.Mode, i *load.Interval) string { return strconv.FormatFloat(i.ServerCores, 'f', 3, 64) }},
	{"server_rss_bytes", func(_ load.Mode, i *load.Interval) string { return strconv.FormatInt(i.ServerMemory, 10) }},
}

func decimal(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }

// WriteCSV writes a line for each interval, below one with the names of the columns.
func WriteCSV(w io.Writer, r *load.Result, _ About) error {
	out := csv.NewWriter(w)
	row := make([]string, len(columns))
	for n, c := range columns {
		row[n] = c.name
	}
	if err := out.Write(row); err != nil {
		return err
	}
	for i := range r.Intervals {
		for n, c := range columns {
			row[n] = c.of(r.Config.Mode, &r.Intervals[i])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
