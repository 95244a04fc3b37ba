package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts an index.json as the testsuite writes it.
func write(t *testing.T, index string) verdicts {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.json")
	if err := os.WriteFile(path, []byte(index), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := readVerdicts(path)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const good = `{"framerail": {
	"1.1.1": {"behavior": "OK", "behaviorClose": "OK", "duration": 2, "remoteCloseCode": 1000, "reportfile": "framerail_case_1_1_1.json"},
	"7.13.1": {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL", "duration": 2, "remoteCloseCode": 1002, "reportfile": "x.json"}}}`

func TestJudge_GoodIsOKAndInformational(t *testing.T) {
	var out strings.Builder
	if err := write(t, good).judge(&out, []string{"framerail"}, 2); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	if want := "framerail: 2 cases, 1 OK, 1 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
}

func TestJudge_Fails(t *testing.T) {
	for rule, index := range map[string]string{
		"a case that failed":              strings.Replace(good, `"OK"`, `"FAILED"`, 1),
		"a case that is not strict":       strings.Replace(good, `"OK"`, `"NON-STRICT"`, 1),
		"a case that is not implemented":  strings.Replace(good, `"OK"`, `"UNIMPLEMENTED"`, 1),
		"a connection that ended wrongly": strings.Replace(good, `"behaviorClose": "OK"`, `"behaviorClose": "UNCLEAN"`, 1),
		"an agent that was not there":     strings.Replace(good, "framerail", "other", 1),
		"fewer cases than there are":      strings.Replace(good, `"1.1.1"`, `"7.13.1"`, 1),
	} {
		if err := write(t, index).judge(new(strings.Builder), []string{"framerail"}, 2); err != errNotGood {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestJudge_OrdersCasesByNumber(t *testing.T) {
	var out strings.Builder
	bad := `{"a": {"2.10": {"behavior": "FAILED"}, "2.9": {"behavior": "FAILED"}, "10.1.1": {"behavior": "FAILED"}}}`
	_ = write(t, bad).judge(&out, []string{"a"}, 3)
	if at := strings.Index(out.String(), "2.9:"); at < 0 || at > strings.Index(out.String(), "2.10:") || strings.Index(out.String(), "10.1.1:") < at {
		t.Errorf("%s", &out)
	}
}

func TestConfig_EachAgentHasItsFlags(t *testing.T) {
	c, err := readConfig("fuzzingclient.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.agents(); len(got) != len(modes) {
		t.Errorf("agents %q, flags for %d", got, len(modes))
	}
}
