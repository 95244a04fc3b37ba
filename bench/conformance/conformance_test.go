package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/peers"
)

// runs are what servers are held against. The first leaves out what takes long, the cases
// about compression and the attacks; the second is those about compression, with few
// messages and without the one that inflates to 64 MiB.
var runs = []struct {
	flags   []string
	servers []string
	least   int // cases
}{
	{
		[]string{"--exclude", "9.*,12.*,13.*,deflate.*,bytes.*,attack.*"},
		[]string{"framerail", "gorilla", "gws", "coder", "gobwas"}, 300,
	},
	{
		[]string{"--cases", "12.*,13.*,deflate.*", "--exclude", "deflate.5.5", "--messages", "2"},
		[]string{"framerail-takeover", "gorilla-alone", "gws-takeover", "coder-takeover"}, 300,
	},
}

// outcome is what the JSON report says of a case.
type outcome struct {
	ID      string `json:"id"`
	Verdict string `json:"verdict"`
	Closing string `json:"closing"`
	Came    string `json:"came"`
	Ended   string `json:"ended"`
}

func (o outcome) missed() bool {
	good := func(word string) bool { return word == "OK" || word == "INFORMATIONAL" }
	return !good(o.Verdict) || !good(o.Closing)
}

// Every case that a server misses has its reason in misses, and every reason there is a
// case that the server misses. framerail misses none.
func TestServersMissWhatIsKnownOfThem(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for servers that do nothing")
	}
	program := build(t)
	for _, r := range runs {
		for _, name := range r.servers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				outcomes := conform(t, program, name, r.flags, 5*time.Second)
				if len(outcomes) < r.least {
					t.Fatalf("%d cases", len(outcomes))
				}
				compare(t, name, outcomes)
			})
		}
	}
}

// A server that has no time to answer is tried again.
func TestConform_ServersWithoutTimeAreTriedAgain(t *testing.T) {
	t.Parallel()
	outcomes := conform(t, build(t), "gobwas", []string{"--cases", "1.1.*"}, time.Microsecond)
	if unexplained, _ := differences("gobwas", outcomes); len(unexplained) > 0 || len(outcomes) == 0 {
		t.Errorf("of %d cases, missed for want of time: %v", len(outcomes), unexplained)
	}
}

// A case is tried again if its miss has no reason, or if the reason's misses are gone.
func TestSurprises_AreTriedAgain(t *testing.T) {
	late := []outcome{
		{ID: "1.1.1", Verdict: "FAILED", Closing: "OK"}, {ID: "1.1.2", Verdict: "OK", Closing: "OK"},
		{ID: "handshake.61", Verdict: "OK", Closing: "OK"},
	}
	if ids := surprises("gobwas", late); !slices.Equal(ids, []string{"1.1.1", "handshake.61"}) {
		t.Errorf("again: %v", ids)
	}
	second := []outcome{{ID: "1.1.1", Verdict: "OK", Closing: "OK"}, {ID: "handshake.61", Verdict: "FAILED", Closing: "OK"}}
	if ids := surprises("gobwas", replaced(late, second)); len(ids) > 0 {
		t.Errorf("after the second try: %v", ids)
	}
}

// build makes the program that plays cases.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "framerail")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/framerail/framerail/cmd/framerail").CombinedOutput(); err != nil {
		t.Skipf("the program cannot be built here: %v\n%s", err, out)
	}
	return program
}

// machine is shared by runs beside each other, and held by one that needs it alone.
var machine sync.RWMutex

// More cases than mostAgain are no matter of a busy machine, and take too long alone.
const mostAgain = 24

// conform plays the cases beside the runs of other servers. Cases that come out in a way
// that is not known of the server are played once more, one after another, with nothing
// of this test beside them and with more patience: on a busy machine a server may be too
// late with an answer, or with the end of a connection.
func conform(t *testing.T, program, name string, flags []string, patience time.Duration) []outcome {
	t.Helper()
	outcomes := func() []outcome {
		machine.RLock()
		defer machine.RUnlock()
		return play(t, program, name, append([]string{"--patience", patience.String(), "--parallel", "16"}, flags...))
	}()
	again := flags
	if outcomes != nil {
		ids := surprises(name, outcomes)
		if len(ids) == 0 || len(ids) > mostAgain {
			return outcomes
		}
		again = []string{"--cases", strings.Join(ids, ",")}
		if i := slices.Index(flags, "--messages"); i >= 0 {
			again = append(again, flags[i:i+2]...)
		}
	}
	machine.Lock()
	defer machine.Unlock()
	t.Logf("once more, alone: %s", again)
	second := play(t, program, name, append([]string{"--patience", "20s", "--parallel", "1"}, again...))
	if outcomes == nil {
		return second
	}
	return replaced(outcomes, second)
}

// surprises are the cases that a server misses without a reason, and all those of the
// reasons for which it now misses none.
func surprises(name string, outcomes []outcome) (ids []string) {
	unexplained, unused := differences(name, outcomes)
	for _, o := range unexplained {
		ids = append(ids, o.ID)
	}
	for _, o := range outcomes {
		if _, pattern := why(name, o.ID); unused[pattern] != "" {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// replaced are the outcomes, with those of a second try in place of the first's.
func replaced(outcomes, second []outcome) []outcome {
	by := map[string]outcome{}
	for _, o := range second {
		by[o.ID] = o
	}
	for i, o := range outcomes {
		if later, ok := by[o.ID]; ok {
			outcomes[i] = later
		}
	}
	return outcomes
}

// compare holds what a server came to against its misses.
func compare(t *testing.T, name string, outcomes []outcome) {
	unexplained, unused := differences(name, outcomes)
	for _, o := range unexplained {
		t.Errorf("%s: %s, closing %s: %s | %s", o.ID, o.Verdict, o.Closing, o.Came, o.Ended)
	}
	for pattern, why := range unused {
		t.Errorf("%s is missed no more: %s", pattern, why)
	}
}

// differences are the outcomes that are missed without a reason, and the patterns that
// none of those missed has for its reason, with what they say.
func differences(name string, outcomes []outcome) (unexplained []outcome, unused map[string]string) {
	unused = map[string]string{}
	for _, m := range missesOf(name) {
		for _, pattern := range m.cases {
			if !m.sometimes {
				unused[pattern] = m.why
			}
		}
	}
	for _, o := range outcomes {
		reason, pattern := why(name, o.ID)
		switch {
		case o.missed() && reason == "":
			unexplained = append(unexplained, o)
		case o.missed():
			delete(unused, pattern)
		}
	}
	return unexplained, unused
}

// missesOf are what a server misses.
func missesOf(name string) []miss { return slices.Concat(misses[name], compressionMisses[name]) }

// why is the reason for which a server misses a case, and the pattern that says so.
func why(name, id string) (reason, pattern string) {
	for _, m := range missesOf(name) {
		for _, pattern := range m.cases {
			if ok, _ := path.Match(pattern, id); ok {
				return m.why, pattern
			}
		}
	}
	return "", ""
}

// play plays the cases against one server and returns the report's, or none if the
// server did not answer a first request.
func play(t *testing.T, program, name string, flags []string) []outcome {
	t.Helper()
	peer, err := peers.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := peer.New()
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })

	report := filepath.Join(t.TempDir(), "report.json")
	run := exec.Command(program, append([]string{
		"conform", "ws://" + ln.Addr().String() + "/", "--json", report,
	}, flags...)...)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	if err := run.Run(); err != nil {
		exit := (*exec.ExitError)(nil)
		switch {
		case errors.As(err, &exit) && exit.ExitCode() == 1:
		case strings.Contains(stderr.String(), "no answer"):
			return nil
		default:
			t.Fatalf("%v: %s", err, stderr.String())
		}
	}
	b, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Cases []outcome }
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Cases
}
