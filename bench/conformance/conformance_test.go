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
	"testing"

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
	program := filepath.Join(t.TempDir(), "framerail")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/framerail/framerail/cmd/framerail").CombinedOutput(); err != nil {
		t.Skipf("the program cannot be built here: %v\n%s", err, out)
	}
	for _, r := range runs {
		for _, name := range r.servers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				outcomes := conform(t, program, name, r.flags)
				if len(outcomes) < r.least {
					t.Fatalf("%d cases", len(outcomes))
				}
				compare(t, name, outcomes)
			})
		}
	}
}

// compare holds what a server came to against its misses.
func compare(t *testing.T, name string, outcomes []outcome) {
	explained := map[string]bool{}
	for _, o := range outcomes {
		reason, pattern := why(name, o.ID)
		switch {
		case o.missed() && reason == "":
			t.Errorf("%s: %s, closing %s: %s | %s", o.ID, o.Verdict, o.Closing, o.Came, o.Ended)
		case o.missed():
			explained[pattern] = true
		}
	}
	for _, m := range missesOf(name) {
		for _, pattern := range m.cases {
			if !explained[pattern] && !m.sometimes {
				t.Errorf("%s is missed no more: %s", pattern, m.why)
			}
		}
	}
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

// conform plays the cases against one server and returns the report's.
func conform(t *testing.T, program, name string, flags []string) []outcome {
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
		"conform", "ws://" + ln.Addr().String() + "/", "--patience", "5s", "--parallel", "16", "--json", report,
	}, flags...)...)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	if err := run.Run(); err != nil {
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
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
