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
	"testing"

	"github.com/framerail/framerail/bench/peers"
)

// leftOut are the groups that are not played: those that take long, those about
// compression, which these servers have off, and the attacks.
const leftOut = "9.*,12.*,13.*,deflate.*,bytes.*,attack.*"

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
	for _, name := range []string{"framerail", "gorilla", "gws", "coder", "gobwas"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			explained := map[string]bool{}
			for _, o := range conform(t, program, name) {
				reason, pattern := why(name, o.ID)
				switch {
				case o.missed() && reason == "":
					t.Errorf("%s: %s, closing %s: %s | %s", o.ID, o.Verdict, o.Closing, o.Came, o.Ended)
				case o.missed():
					explained[pattern] = true
				}
			}
			for _, m := range misses[name] {
				for _, pattern := range m.cases {
					if !explained[pattern] && !m.sometimes {
						t.Errorf("%s is missed no more: %s", pattern, m.why)
					}
				}
			}
		})
	}
}

// why is the reason for which a server misses a case, and the pattern that says so.
func why(name, id string) (reason, pattern string) {
	for _, m := range misses[name] {
		for _, pattern := range m.cases {
			if ok, _ := path.Match(pattern, id); ok {
				return m.why, pattern
			}
		}
	}
	return "", ""
}

// conform plays the cases against one server and returns the report's.
func conform(t *testing.T, program, name string) []outcome {
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
	run := exec.Command(program, "conform", "ws://"+ln.Addr().String()+"/", "--exclude", leftOut, "--patience", "5s",
		"--parallel", "16", "--json", report)
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
	if err := json.Unmarshal(b, &doc); err != nil || len(doc.Cases) < 300 {
		t.Fatalf("%d cases: %v", len(doc.Cases), err)
	}
	return doc.Cases
}
