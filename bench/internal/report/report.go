// Package report holds what a comparison has measured, and shows it: as JSON, as tables in
// Markdown and as plots.
package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Report is one run of the comparison.
type Report struct {
	Command  string            `json:"command"`
	Date     time.Time         `json:"date"`
	Took     time.Duration     `json:"took_ns"`
	Short    bool              `json:"short"`  // too short for its figures to count
	Rounds   int               `json:"rounds"` // of each row
	Machine  Machine           `json:"machine"`
	Versions map[string]string `json:"versions"` // of the libraries
	Rows     []Row             `json:"rows"`
}

// Machine is where it ran.
type Machine struct {
	CPU    string  `json:"cpu"`
	Cores  int     `json:"cores"`
	Memory int64   `json:"memory_bytes"`
	Kernel string  `json:"kernel"`
	Go     string  `json:"go"`
	Load   float64 `json:"load_at_start"` // over the minute before
}

// Row is one load, and what each server made of it.
type Row struct {
	Name    string `json:"name"`
	Section string `json:"section"`
	Load    string `json:"load"`    // in words
	Against string `json:"against"` // the library that ratios refer to
	// Place is where the row is on the axis of its section's plot, such as bytes or
	// connections. Zero: nowhere.
	Place int `json:"place,omitempty"`
	// Memory: the figures are of memory, not of CPU.
	Memory  bool     `json:"memory,omitempty"`
	Servers []Server `json:"servers"`
}

// Server is what one server made of a load.
type Server struct {
	Name    string            `json:"name"`
	Library string            `json:"library"`
	Figures map[string]Figure `json:"figures,omitempty"` // by their names
	// Refused has the reason for each figure that must not be published.
	Refused map[string]string `json:"refused,omitempty"`
	// Failed tells why there are no figures.
	Failed string `json:"failed,omitempty"`
}

// Names of figures.
const (
	CPU       = "cpu_us"     // of the server for each message
	Ratio     = "ratio"      // of CPU, within a round, to that of Against
	Rate      = "per_second" // messages
	Busy      = "server_busy"
	Client    = "client_busy"
	Wire      = "bytes_on_wire" // of each message from the server
	P50       = "p50_us"
	P99       = "p99_us"
	P999      = "p999_us"
	Memory    = "bytes_per_connection"
	Collected = "bytes_collected" // Memory after a garbage collection
	Resident  = "resident_bytes"  // of the whole process
	Kernel    = "kernel_bytes"    // for each end of a connection
)

// Figure is what the rounds gave. They are kept too.
type Figure struct {
	Median float64   `json:"median"`
	Low    float64   `json:"low"`
	High   float64   `json:"high"`
	Rounds []float64 `json:"rounds"`
}

// NewFigure makes a figure of one value for each round, of which there must be one.
func NewFigure(rounds []float64) Figure {
	return Figure{Median(rounds), slices.Min(rounds), slices.Max(rounds), rounds}
}

// Median returns the middle value, the upper one of two. values must not be empty.
func Median[T cmp.Ordered](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// Value is the median of a figure that may be published.
func (s Server) Value(name string) (float64, bool) {
	f, ok := s.Figures[name]
	_, refused := s.Refused[name]
	return f.Median, ok && !refused
}

// Column is under which name a server stands in tables and plots: servers that differ in what
// the row is about alone stand under one.
func (s Server) Column() string {
	for _, suffix := range []string{"-tls", "-takeover", "-broadcast-alone", "-alone", "-broadcast", "-sleep", "-stall", "-compute"} {
		if name, found := strings.CutSuffix(s.Name, suffix); found {
			return name
		}
	}
	return s.Name
}

// columns are those of all servers in some rows, in the order in which they come.
func columns(rows []Row) (names []string) {
	for _, row := range rows {
		for _, s := range row.Servers {
			if c := s.Column(); !slices.Contains(names, c) {
				names = append(names, c)
			}
		}
	}
	return names
}

// In finds the server of a column.
func (r Row) In(column string) (Server, bool) {
	i := slices.IndexFunc(r.Servers, func(s Server) bool { return s.Column() == column })
	if i < 0 {
		return Server{}, false
	}
	return r.Servers[i], true
}

// Row finds a row by its name.
func (r Report) Row(name string) (Row, bool) {
	i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Name == name })
	if i < 0 {
		return Row{}, false
	}
	return r.Rows[i], true
}

// GoOn takes over the rows of an earlier run on the same machine, but for those in which a
// server failed. The report then has the commands of both, the date of the earlier one, and the
// larger load at the start.
func (r *Report) GoOn(earlier Report) error {
	here, there := r.Machine, earlier.Machine
	here.Load, there.Load = 0, 0
	switch {
	case earlier.Short != r.Short || earlier.Rounds != r.Rounds:
		return fmt.Errorf("it has %d rounds of each row, short: %v, and this run %d, short: %v", earlier.Rounds, earlier.Short, r.Rounds, r.Short)
	case here != there:
		return fmt.Errorf("it is of another machine: %+v", there)
	case !maps.Equal(r.Versions, earlier.Versions):
		return fmt.Errorf("it is of other versions: %v", earlier.Versions)
	}
	r.Command = earlier.Command + " && " + r.Command
	r.Date, r.Took = earlier.Date, earlier.Took
	r.Machine.Load = max(r.Machine.Load, earlier.Machine.Load)
	r.Rows = earlier.which(func(row Row) bool {
		return !slices.ContainsFunc(row.Servers, func(s Server) bool { return s.Failed != "" })
	})
	return nil
}

// which returns the rows for which keep is true.
func (r Report) which(keep func(Row) bool) (rows []Row) {
	for _, row := range r.Rows {
		if keep(row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// has tells whether a server of the row has a figure.
func (r Row) has(figure string) bool {
	return slices.ContainsFunc(r.Servers, func(s Server) bool { _, ok := s.Figures[figure]; return ok })
}

// Refused counts the figures that must not be published.
func (r Report) Refused() (n int) {
	for _, row := range r.Rows {
		for _, s := range row.Servers {
			n += len(s.Refused)
		}
	}
	return n
}

// Failed counts the servers that have no figures.
func (r Report) Failed() (n int) {
	for _, row := range r.Rows {
		for _, s := range row.Servers {
			if s.Failed != "" {
				n++
			}
		}
	}
	return n
}

// Read reads what Write wrote.
func Read(name string) (r Report, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// Write writes a report as JSON.
func (r Report) Write(name string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
