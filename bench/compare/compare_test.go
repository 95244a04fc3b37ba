//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/report"
	"github.com/framerail/framerail/bench/internal/self"
	"github.com/framerail/framerail/bench/peers"
)

// The commands start this very program again.
func TestMain(m *testing.M) { self.Main(m, main) }

// short is a short run of some rows.
func short(t *testing.T, rows, servers string) *allCommand {
	t.Helper()
	a := &allCommand{Short: true, Out: t.TempDir()}
	a.ServerCore, a.ClientCore, a.Rounds, a.Turns = 0, 0, 1, 1 // a machine may have one core
	a.Only.Regexp, a.Servers.Regexp = regexp.MustCompile(rows), regexp.MustCompile(servers)
	return a
}

func TestAllWritesWhatItMeasured(t *testing.T) {
	a := short(t, "^(echo-20B|tls-1KiB|takeover-1KiB|latency-1000|memory-(1000|15000))$", "^(framerail|gws)")
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := report.Read(filepath.Join(a.Out, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, figures := range map[string][]string{
		"echo-20B":      {report.CPU, report.Rate, report.Ratio, report.Wire, report.Busy, report.Client},
		"tls-1KiB":      {report.CPU},
		"takeover-1KiB": {report.CPU},
		"latency-1000":  {report.P50, report.P99, report.P999},
		"memory-1000":   {report.Memory, report.Resident},
		"memory-15000":  {report.Memory, report.Collected},
	} {
		row, ok := r.Row(name)
		if !ok || len(row.Servers) < 2 {
			t.Errorf("%s: %d servers", name, len(row.Servers))
		}
		for _, s := range row.Servers {
			for _, figure := range figures {
				if _, ok := s.Figures[figure]; !ok {
					t.Errorf("%s of %s: no %s: %v", name, s.Name, figure, s.Failed)
				}
			}
		}
	}
	for _, name := range []string{"results.md", "echo.svg", "memory.svg"} {
		if _, err := os.Stat(filepath.Join(a.Out, name)); err != nil {
			t.Error(err)
		}
	}
}

// With --add a run measures what an earlier one has not, and its rows stand where they belong.
func TestAdd_MeasuresTheOthers(t *testing.T) {
	first := short(t, "^echo-125B$", "^gws$")
	if err := first.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := short(t, "^echo-(20|125)B$", "^gws$")
	second.Out, second.Add = first.Out, true
	if err := second.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := report.Read(filepath.Join(first.Out, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 2 || r.Rows[0].Name != "echo-20B" || r.Rows[1].Name != "echo-125B" {
		t.Fatalf("%d rows", len(r.Rows))
	}
	if got, want := r.Rows[1].Servers[0].Figures[report.CPU].Median, first.report.Rows[0].Servers[0].Figures[report.CPU].Median; got != want {
		t.Errorf("measured again: %v us where it was %v", got, want)
	}
	third := short(t, "^echo-20B$", "^gws$")
	third.Out, third.Add, third.Rounds, third.Short = first.Out, true, 2, false
	if err := third.Run(t.Context()); err == nil {
		t.Error("runs with different rounds are one")
	}
}

// Every load is one that every server of its row takes.
func TestEveryRowCanBeMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts many servers")
	}
	a := short(t, "^(connections-10|echo-20B-2cores|sparse-1|pipelined-20B|handshakes|broadcast-1000|broadcast-alone-1000-1KiB|blocking-1000|stall-1000|compute-1|alone-300B|floor-20B|cyrillic-16KiB|goroutines-20B)$", ".")
	if err := a.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// Where latency counts no server takes the clients' core from them.
func TestRowsLeaveTheClientsACore(t *testing.T) {
	for _, r := range rows() {
		if r.load.Kind == load.Paced && r.cores+1 > runtime.NumCPU() {
			t.Errorf("%s: the server may use %d cores of %d", r.name, r.cores, runtime.NumCPU())
		}
	}
}

func TestAServerThatFailsLeavesTheOthers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	a := short(t, "^echo-20B$", "^gws$")
	a.Other = []other{{name: "mute", addr: ln.Addr().String()}}
	if err := a.Run(t.Context()); err == nil {
		t.Error("no word of it")
	}
	row := a.report.Rows[0]
	if s, _ := row.In("mute"); s.Failed == "" {
		t.Error("a server that closes every connection has figures")
	}
	if s, _ := row.In("gws"); s.Failed != "" || len(s.Figures) == 0 {
		t.Errorf("gws: %s", s.Failed)
	}
}

// A server that somebody else has started is measured as the others are.
func TestOtherTakesPart(t *testing.T) {
	s, err := start(t.Context(), 0, "", "serve", "--lifeline", "gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	a := short(t, "^(echo-20B|memory-1000|tls-20B)$", "^framerail")
	a.Other = []other{{}}
	if err := a.Other[0].UnmarshalText(fmt.Appendf(nil, "mine=%s,%d", s.First, s.Pid())); err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, figure := range map[string]string{"echo-20B": report.CPU, "memory-1000": report.Memory} {
		row, _ := a.report.Row(name)
		if mine, _ := row.In("mine"); len(mine.Figures[figure].Rounds) == 0 {
			t.Errorf("%s has no %s of it", name, figure)
		}
	}
	row, _ := a.report.Row("tls-20B")
	if _, ok := row.In("mine"); ok {
		t.Error("it takes part in a row that its name does not claim")
	}
}

func TestOtherIsNameAndAddress(t *testing.T) {
	for _, bad := range []string{"", "x", "x=", "=127.0.0.1:1", "x=host:1", "x=127.0.0.1:1,y"} {
		if err := new(other).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("took %q", bad)
		}
	}
	o := other{name: "uws-tls"}
	if c, ok := o.contender(sectionTLS); !ok || !c.secure || c.library != "uws" {
		t.Errorf("%+v, %v", c, ok)
	}
	if _, ok := o.contender(sectionEcho); ok {
		t.Error("a server over TLS takes part where there is none")
	}
}

// The number of the process belongs to its server, though lists are split at commas elsewhere.
func TestOther_CommaEndsNoServer(t *testing.T) {
	p := new(program)
	parser, err := kong.New(p, kong.Vars{"every": "gws"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"all", "--other", "x=127.0.0.1:1,2", "--other", "y=127.0.0.1:3"}); err != nil {
		t.Fatal(err)
	}
	if o := p.All.Other; len(o) != 2 || o[0].name != "x" || o[1].name != "y" {
		t.Errorf("%+v", o)
	}
}

func TestInterruptEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if err := short(t, "^(echo|tls|connections)-", ".").Run(ctx); err == nil {
		t.Error("a run that was interrupted reports success")
	}
}

func TestStopEndsTheServer(t *testing.T) {
	s, err := start(t.Context(), -1, "", "serve", "--lifeline", "gws")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := unix.Kill(s.Pid(), 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d is still there: %v", s.Pid(), err)
	}
}

func TestServerRunsOnItsCoreOnly(t *testing.T) {
	s, err := start(t.Context(), 0, "", "serve", "--lifeline", "gws")
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(s.Pid(), &set); err != nil {
		t.Fatal(err)
	}
	if set.Count() != 1 || !set.IsSet(0) {
		t.Errorf("the server may run on %d cores, core 0: %v", set.Count(), set.IsSet(0))
	}
}

// What shows the clients in place of the server is not for publishing.
func TestRefusals(t *testing.T) {
	figures := func(server, client float64) map[string]report.Figure {
		return map[string]report.Figure{report.Busy: {Median: server}, report.Client: {Median: client}}
	}
	echo, paced := row{load: load.Options{Kind: load.Echo}}, row{load: load.Options{Kind: load.Paced}}
	late := []round{{Slice: load.Slice{Messages: 100, Late: 2}}}
	for _, c := range []struct {
		row            row
		server, client float64
		rounds         []round
		refused        bool
	}{
		{echo, 0.7, 0.95, nil, true},
		{echo, 0.95, 0.95, nil, false},
		{echo, 0.5, 0.5, nil, false},
		{paced, 0.3, 0.85, nil, true},
		{paced, 0.3, 0.3, nil, false},
		{paced, 0.3, 0.3, late, true},
	} {
		if got := refusals(c.row, figures(c.server, c.client), c.rounds); len(got) > 0 != c.refused {
			t.Errorf("%s, server %.2f, clients %.2f: %v", c.row.load.Kind, c.server, c.client, got)
		}
	}
}

func TestPublishNeedsAWholeRun(t *testing.T) {
	var whole report.Report
	for _, r := range rows() {
		whole.Rows = append(whole.Rows, report.Row{Name: r.name})
	}
	if err := publishable(whole, false); err != nil {
		t.Error(err)
	}
	afterWork := whole
	afterWork.Machine.Load = 2
	if err := publishable(afterWork, true); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*report.Report){
		"short":  func(r *report.Report) { r.Short = true },
		"busy":   func(r *report.Report) { r.Machine.Load = 2 },
		"partly": func(r *report.Report) { r.Rows = r.Rows[1:] },
		"failed": func(r *report.Report) { r.Rows[0].Servers = []report.Server{{Failed: "why"}} },
	} {
		r := whole
		r.Rows = slices.Clone(whole.Rows)
		change(&r)
		if err := publishable(r, false); err == nil {
			t.Errorf("%s: may be published", name)
		}
	}
}

// What the README says takes part is what does.
func TestRowsHaveEveryLibrary(t *testing.T) {
	names := make(map[string]bool)
	for _, r := range rows() {
		if names[r.name] || r.words() == "" || len(r.servers) == 0 || r.servers[0].Library != "framerail" {
			t.Errorf("%s: twice, or without words, or without framerail first", r.name)
		}
		names[r.name] = true
		libraries := make(map[string]bool)
		for _, p := range r.servers {
			libraries[p.Library] = true
		}
		if slices.Contains([]string{sectionTakeover, sectionAlone, sectionBroadcastAlone, sectionNetHTTP, sectionFloor}, r.section) {
			continue
		}
		for library := range versions() {
			if !libraries[library] {
				t.Errorf("%s has no %s: %s", r.name, library, strings.Join(peers.Names(r.servers), ", "))
			}
		}
	}
}
