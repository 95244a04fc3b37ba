package conform

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// modes are the ways in which framerail runs an echo.
var modes = []struct {
	name string
	set  func(*server.Server)
}{
	{"inline", func(srv *server.Server) { srv.OnMessage = echoMessage }},
	{"goroutines", func(srv *server.Server) { srv.OnMessage, srv.Dispatch = echoMessage, conn.OnGoroutines }},
	{"adaptive", func(srv *server.Server) { srv.OnMessage, srv.Dispatch = echoMessage, conn.Adaptive }},
	{"streaming", func(srv *server.Server) { srv.OnStream = echoStream }},
}

func echoMessage(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) }

func echoStream(c *conn.Conn, r *conn.Reader) {
	w, err := c.NewWriter(r.Type())
	if err == nil {
		_, err = io.Copy(w, r)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		c.Close(frame.TryAgainLater, "the echo could not be sent")
	}
}

// serveFramerail starts an echo server and returns its URL.
func serveFramerail(t *testing.T, set func(*server.Server)) string {
	t.Helper()
	srv := &server.Server{
		Addr: "127.0.0.1:0", OriginPatterns: []string{"*"}, Overflow: conn.OverflowClose,
		Logger: slog.New(slog.DiscardHandler),
		Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: 16 << 20, MaxPending: 64 << 20}},
	}
	set(srv)
	scheme, start := "ws://", srv.Start
	if srv.TLSConfig != nil {
		scheme, start = "wss://", func() error { return srv.StartTLS("", "") }
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return scheme + srv.ListenAddr().String() + "/"
}

// framerail passes every case in each of its modes, strictly, and ends connections as
// it should. The golden files say so for people to read: -update writes them anew, if
// all cases are played. With -short, and under the race detector, only those are that take
// no time.
func TestFramerailPassesEveryCase(t *testing.T) {
	without := compressionCases
	if quick() {
		without = append(slices.Clip(without), "9.*", "bytes.*", "attack.*")
	}
	cases, err := Select(Cases(), nil, without)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			r := Runner{URL: serveFramerail(t, m.set), Cases: cases, Parallel: 16, Patience: 30 * time.Second}
			report, err := r.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			expectPassed(t, report.Results)
			compareVerdicts(t, "framerail-"+m.name+".txt", report.Results)
		})
	}
}

// The same over TLS, in what cases say about RFC 6455: those that take long are about the
// same code, and are played by hand, with the command.
func TestFramerailPassesOverTLS(t *testing.T) {
	cases, err := Select(Cases(), nil, append(slices.Clip(compressionCases), "9.*", "bytes.*", "attack.*"))
	if err != nil {
		t.Fatal(err)
	}
	url := serveFramerail(t, func(srv *server.Server) { srv.OnMessage, srv.TLSConfig = echoMessage, testcert.Config() })
	r := Runner{URL: url, Cases: cases, Parallel: 16, Patience: 30 * time.Second, TLS: &tls.Config{InsecureSkipVerify: true}}
	report, err := r.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	expectPassed(t, report.Results)
}

// expectPassed wants each case to have passed strictly, and the server to have ended the
// connection.
func expectPassed(t *testing.T, results []Result) {
	t.Helper()
	for _, r := range results {
		if !r.Passed() || r.Verdict == NonStrict || r.Verdict == Unimplemented || r.Closing == ClosingByClient {
			t.Errorf("%s: %v, closing %v: %s | %s", r.ID, r.Verdict, r.Closing, r.Came, r.Ended)
		}
	}
}

// quick tells to leave out what takes long.
func quick() bool { return testing.Short() || raceEnabled }

// compareVerdicts holds results against the lines of a golden file of verdicts and
// closings; when not every case is played, it may have more of them.
func compareVerdicts(t *testing.T, name string, results []Result) {
	t.Helper()
	lines, path := verdictLines(results), filepath.Join("testdata", name)
	if *update && !quick() && !t.Failed() {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := expectIn(t, name, results)
	if !quick() && !slices.Equal(lines, want) {
		t.Errorf("the verdicts are not those of %s; if that is right, run with -update and look at the difference", path)
	}
}

// expectIn wants the lines of results to be in a golden file, whose lines it returns.
func expectIn(t *testing.T, name string, results []Result) (golden []string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden = slices.Collect(strings.Lines(string(b)))
	for _, line := range verdictLines(results) {
		if !slices.Contains(golden, line) {
			t.Errorf("not in %s: %s", path, line)
		}
	}
	return golden
}

// verdictLines are results as golden files have them.
func verdictLines(results []Result) (lines []string) {
	for _, r := range results {
		lines = append(lines, fmt.Sprintf("%-20s %-14s %s\n", r.ID, r.Verdict, r.Closing))
	}
	return lines
}
