//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/framerail/framerail/bench/internal/report"
	"github.com/framerail/framerail/bench/peers"
)

// allCommand measures.
type allCommand struct {
	effort  `embed:""`
	Short   bool          `help:"A smoke run of about two minutes: every row, with few connections and one short turn. Its figures say nothing."`
	Only    regexpFlag    `name:"rows" default:"." help:"Measure the rows whose names match."`
	Servers regexpFlag    `default:"." help:"Measure the servers whose names match."`
	Other   []other       `sep:"none" placeholder:"NAME=ADDR[,PID]" help:"Another server, which runs already, such as one made with uWebSockets. It echoes; with a name that ends in -tls, -takeover, -alone, -broadcast, -broadcast-alone, -sleep, -stall or -compute it does what the servers of that name do, and takes part in those rows. PID is the number of its process, for CPU and memory."`
	Add     bool          `help:"Keep what results.json has already, and measure those of the rows that it does not have, or in which a server failed. The rounds must be the same."`
	Out     string        `placeholder:"DIR" help:"Where results.json, results.md and the plots go. Default: bench/figures, and a temporary directory with --short."`
	report  report.Report `kong:"-"`
}

// regexpFlag is a regular expression on the command line.
type regexpFlag struct{ *regexp.Regexp }

func (r *regexpFlag) UnmarshalText(text []byte) (err error) {
	r.Regexp, err = regexp.Compile(string(text))
	return err
}

func (a *allCommand) Run(ctx context.Context) (err error) {
	chosen, err := a.prepare()
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return errors.New("no row matches")
	}
	if chosen, err = a.begin(chosen); err != nil {
		return err
	}
	programs := ""
	if slices.ContainsFunc(chosen, func(r row) bool { return r.memory }) {
		if programs, err = leanPrograms(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	}
	fmt.Fprintf(os.Stderr, "%d rows, about %v; results go to %s\n", len(chosen), a.expected(chosen).Round(time.Minute), a.Out)
	for len(chosen) > 0 {
		n := 1
		for chosen[0].memory && n < len(chosen) && chosen[n].memory && chosen[n].section == chosen[0].section && chosen[n].load.Conns >= chosen[n-1].load.Conns {
			n++
		}
		if err := a.measure(ctx, chosen[:n], programs); err != nil {
			return err
		}
		chosen = chosen[n:]
	}
	markdown, err := a.report.Render(a.Out)
	fmt.Println(markdown)
	if failed := a.report.Failed(); failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d times a server failed", failed))
	}
	return err
}

// begin makes the report, or goes on with one, and returns the rows that are to be measured.
func (a *allCommand) begin(chosen []row) ([]row, error) {
	a.report = report.Report{
		Command: "go run ./bench/compare " + commandLine(os.Args[1:]),
		Date:    time.Now(), Short: a.Short, Rounds: a.Rounds, Machine: machine(), Versions: versions(),
	}
	if !a.Add {
		return chosen, nil
	}
	earlier, err := report.Read(a.results())
	if errors.Is(err, os.ErrNotExist) {
		return chosen, nil
	}
	if err != nil {
		return nil, err
	}
	if err := a.report.GoOn(earlier); err != nil {
		return nil, fmt.Errorf("--add: %s: %w", a.results(), err)
	}
	return slices.DeleteFunc(chosen, func(r row) bool { _, ok := a.report.Row(r.name); return ok }), nil
}

// results is the file that the report is written to.
func (a *allCommand) results() string { return filepath.Join(a.Out, "results.json") }

// commandLine is what a shell takes for some arguments.
func commandLine(args []string) string {
	plain := regexp.MustCompile(`^[A-Za-z0-9_./=:,-]+$`)
	words := slices.Clone(args)
	for i, word := range words {
		if !plain.MatchString(word) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// prepare chooses the rows and makes everything small for a short run.
func (a *allCommand) prepare() ([]row, error) {
	a.warmup, a.quiet = 1, time.Second
	chosen := slices.DeleteFunc(rows(), func(r row) bool { return !a.Only.MatchString(r.name) || len(a.contenders(r)) == 0 })
	if a.Rounds < 1 || a.Turns < 1 {
		return nil, errors.New("nothing to measure: it takes a round and a turn")
	}
	if a.Short {
		a.warmup, a.quiet, a.Rounds, a.Turns, a.Turn = 0, 100*time.Millisecond, 1, 1, 40*time.Millisecond
		for i := range chosen {
			chosen[i].turn = min(chosen[i].turn, 2)
			chosen[i].load.Conns = min(chosen[i].load.Conns, max(100, chosen[i].load.Conns/50))
		}
	}
	if a.Out == "" && a.Short {
		dir, err := os.MkdirTemp("", "framerail-compare-")
		a.Out = dir
		return chosen, err
	}
	if a.Out == "" {
		a.Out = "bench/figures"
	}
	return chosen, os.MkdirAll(a.Out, 0o755)
}

// contenders are the servers of a row.
func (a *allCommand) contenders(r row) (list []contender) {
	for _, p := range peers.InProcess(slices.Clone(r.servers)) {
		if a.Servers.MatchString(p.Name) {
			list = append(list, ofPeer(p))
		}
	}
	for _, o := range a.Other {
		if c, ok := o.contender(r.section); ok && (!r.memory || o.pid != 0) {
			list = append(list, c)
		}
	}
	return list
}

// measure measures a row, or rows of memory that belong together, for which programs is the
// directory of [leanPrograms].
func (a *allCommand) measure(ctx context.Context, of []row, programs string) (err error) {
	var servers [][]report.Server
	start := time.Now()
	if of[0].memory {
		if servers, err = a.memory(ctx, of, a.contenders(of[0]), programs); err != nil {
			return err
		}
	} else {
		one, err := a.traffic(ctx, of[0], a.contenders(of[0]))
		if err != nil {
			return err
		}
		servers = append(servers, one)
	}
	for i, r := range of {
		a.report.Rows = append(a.report.Rows, report.Row{
			Name: r.name, Section: r.section, Load: r.words(), Against: against, Place: r.place, Memory: r.memory, Servers: servers[i],
		})
		fmt.Fprintf(os.Stderr, "%s in %v\n", r.name, time.Since(start).Round(time.Second))
	}
	a.report.Took += time.Since(start)
	a.sort()
	// A run that is interrupted has what it measured so far.
	return a.report.Write(a.results())
}

// sort puts the rows of the report in the order of [rows].
func (a *allCommand) sort() {
	all := rows()
	place := func(r report.Row) int { return slices.IndexFunc(all, func(of row) bool { return of.name == r.Name }) }
	slices.SortStableFunc(a.report.Rows, func(x, y report.Row) int { return cmp.Compare(place(x), place(y)) })
}

// expected is about how long it takes.
func (a *allCommand) expected(chosen []row) (d time.Duration) {
	for _, r := range chosen {
		n := time.Duration(len(a.contenders(r)))
		if r.memory {
			d += n * time.Duration(a.memoryRounds()) * (3*a.quiet + time.Duration(r.load.Conns)*200*time.Microsecond)
			continue
		}
		d += n * (time.Second + time.Duration((a.warmup+a.Rounds)*a.Turns)*r.turns(a.Turn) + time.Duration(r.load.Conns)*200*time.Microsecond)
	}
	return d
}

// versions are those of the libraries.
func versions() map[string]string {
	all := make(map[string]string)
	for _, p := range peers.All() {
		all[p.Library] = p.Version()
	}
	return all
}

// rowsCommand lists what there is.
type rowsCommand struct{}

func (rowsCommand) Run() error {
	for _, r := range rows() {
		fmt.Printf("%-22s %s: %s\n", r.name, r.words(), strings.Join(peers.Names(r.servers), " "))
	}
	return nil
}
