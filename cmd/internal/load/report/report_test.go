package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/framerail/framerail/cmd/internal/load"
	"github.com/framerail/framerail/internal/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// hostile is what a server may say when it closes.
const hostile = "<script>alert(1)</script>\x1b[2J\u202e"

func sample() *load.Result {
	r := &load.Result{
		Started: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), Took: 3 * time.Second,
		Counts:  load.Counts{Opened: 2, Sent: 3000, Received: 2999, Answered: 2998, Lost: 1, Corrupt: 1, ReceivedBytes: 60000},
		Latency: hdrhistogram.New(1, int64(time.Minute), 3), Connect: hdrhistogram.New(1, int64(time.Minute), 3),
		Faults:     []load.Fault{{What: "the server closed with 1000 " + hostile, Count: 1}},
		Client:     load.Usage{CPU: time.Second, Cores: 1. / 3},
		Server:     &load.Server{Usage: load.Usage{CPU: 2 * time.Second, Cores: 2. / 3}, Memory: 10 << 20, Peak: 12 << 20},
		Bottleneck: "it was slow",
	}
	r.Config.Mode = load.Echo
	for i := range 2998 {
		_ = r.Latency.RecordValue(int64(i+1) * int64(time.Microsecond))
	}
	for i := range 3 {
		r.Intervals = append(r.Intervals, load.Interval{
			At: time.Duration(i+1) * time.Second, Length: time.Second, Open: 2, P50: time.Millisecond, P99: 2 * time.Millisecond,
			Counts: load.Counts{Sent: 1000, Answered: 999}, ServerMemory: 10 << 20,
		})
	}
	return r
}

func TestText_TellsTheFigures(t *testing.T) {
	var out bytes.Buffer
	if err := WriteText(&out, sample()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"3,000 sent, 2,999 received in 3.00s: 999/s", "p50 1.50ms", "p99.9 3.00ms", "1 lost, 1 corrupt", "0.67 cores, 667µs CPU a message", "at most 12 MiB",
		"the client was the bottleneck: it was slow",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("what a server said steers the terminal: %q", out.String())
	}
}

func TestHTML_IsSelfContained(t *testing.T) {
	var out bytes.Buffer
	if err := WriteHTML(&out, sample(), About{URL: "ws://h/?" + hostile, Failed: []string{"p99>1ms"}}); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if strings.Contains(page, "<script") || strings.Contains(page, "src=") || strings.Contains(page, "<link") || strings.Contains(page, "url(") {
		t.Error("the page has a script, or loads something")
	}
	if n := strings.Count(page, "<svg "); n != 5 {
		t.Errorf("%d plots, want 5", n)
	}
	for _, want := range []string{"p99.9", "Out of bounds: p99&gt;1ms", "The client was the bottleneck", "Latency over time", "Resident memory"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// A run without messages has a page too.
func TestHTML_OfNothing(t *testing.T) {
	r := sample()
	r.Latency.Reset()
	r.Intervals, r.Server, r.Faults, r.Counts = nil, nil, nil, load.Counts{}
	var out bytes.Buffer
	if err := WriteHTML(&out, r, About{}); err != nil || strings.Contains(out.String(), "<svg ") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestCSV_HasALineForEachInterval(t *testing.T) {
	var out bytes.Buffer
	if err := WriteCSV(&out, sample(), About{}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 4 || len(rows[0]) != len(columns) || rows[3][0] != "3.000000" || rows[3][5] != "999.0" {
		t.Errorf("%v, %q", err, rows)
	}
}

func TestJSON_CanBeRead(t *testing.T) {
	var out bytes.Buffer
	if err := WriteJSON(&out, sample(), About{URL: "ws://h/", Failed: []string{"lost>0"}}); err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Errors != 2 || d.Latency.Percentiles["p99.9"] == 0 || len(d.Intervals) != 3 || d.Server.Peak != 12<<20 || d.Failed[0] != "lost>0" || len(d.Faults) != 1 {
		t.Errorf("%+v", d)
	}
}

func TestFiles_AreWritten(t *testing.T) {
	dir := t.TempDir()
	f := Files{JSON: filepath.Join(dir, "j"), CSV: filepath.Join(dir, "c"), HTML: filepath.Join(dir, "h")}
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := f.Write(&out, sample(), About{}); err != nil || !strings.HasPrefix(out.String(), "connections") {
		t.Errorf("%v, %q", err, out.String())
	}
	for path, begins := range map[string]string{f.JSON: "{", f.CSV: "at,", f.HTML: "<!doctype html>"} {
		if got, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(got), begins) {
			t.Errorf("%s begins with %.20q, %v", path, got, err)
		}
	}
	out.Reset()
	if err := (Files{JSON: "-"}).Write(&out, sample(), About{}); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("%v, %q", err, out.String())
	}
	if (Files{CSV: f.CSV, HTML: f.CSV}).Check() == nil || (Files{CSV: "/nonexistent/x"}).Check() == nil {
		t.Error("a file for two reports, or one that cannot be written, is taken")
	}
}

func TestDuration_HasThreeDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		999: "999ns", 1500: "1.50µs", 45_600: "45.6µs", 123_456: "123µs", 2_345_678: "2.35ms", 61 * time.Second: "61.0s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

// Without a terminal an interval is a line of its own.
func TestLive_LinesWithoutATerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l := NewLive(w, &load.Config{Dialling: load.Dialling{Connections: 2}, Traffic: load.Traffic{Mode: load.Echo}})
	l.Interval(load.Interval{Open: 1})
	l.Interval(sample().Intervals[1])
	l.Finish()
	w.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	want := "opening: 1 open, 0 refused\n  2.0s  2 open  999/s  p50 1.00ms  p99 2.00ms  0 errors  server 0.00 cores, 10 MiB\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// On a terminal a line changes, and is gone at the end.
func TestLive_OneLineOnATerminal(t *testing.T) {
	var out bytes.Buffer
	l := &Live{to: &out, terminal: true, mode: load.Echo, connections: 2, duration: 4 * time.Second, width: 60}
	l.Interval(load.Interval{Open: 1})
	l.Interval(sample().Intervals[1])
	l.Finish()
	if s := out.String(); strings.Contains(s, "\n") || !strings.Contains(s, "opening: 1 open") || !strings.Contains(s, "50%") || strings.Contains(s, "cores") {
		t.Errorf("%q", s)
	}
}
