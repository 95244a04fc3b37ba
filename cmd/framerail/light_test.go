package main

import (
	"regexp"
	"strconv"
	"testing"
)

// lightest is what a package of this module may allocate when any command starts.
const lightest = 512 << 10

// A command does not pay for the others: what they need in memory is made when they run.
func TestStart_IsLight(t *testing.T) {
	cmd := command("--version")
	cmd.Env = append(cmd.Env, "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for _, line := range regexp.MustCompile(`init (github\.com/framerail/\S+) .* (\d+) bytes`).FindAllStringSubmatch(string(out), -1) {
		n, err := strconv.Atoi(line[2])
		if err != nil || n > lightest {
			t.Errorf("%s allocates %s bytes, want at most %d", line[1], line[2], lightest)
		}
		seen = true
	}
	if !seen {
		t.Errorf("no package is traced:\n%s", out)
	}
}
