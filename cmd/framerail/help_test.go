package main

import (
	"strings"
	"testing"
)

func TestHelp_IsACommandToo(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}} {
		if status, stdout, stderr := finish(t, args...); status != 0 || !strings.Contains(stdout, "conform") || stderr != "" {
			t.Errorf("%q: status %d\n%s%s", args, status, stdout, stderr)
		}
	}
	if status, stdout, _ := finish(t, "help", "echo"); status != 0 || !strings.Contains(stdout, "--addr") {
		t.Errorf("help echo: status %d\n%s", status, stdout)
	}
}

func TestVersion_IsACommandToo(t *testing.T) {
	status, stdout, _ := finish(t, "version")
	if _, flag, _ := finish(t, "--version"); status != 0 || stdout != flag {
		t.Errorf("status %d\n%s", status, stdout)
	}
}

// A flag that is not there is answered with one that is, and that help shows.
func TestUnknownFlag_HintsAtOneThatHelpShows(t *testing.T) {
	for _, flag := range []string{"--port", "--port=9001", "--host", "--listen"} {
		status, _, stderr := finish(t, "echo", flag)
		if status != exitUsage || !strings.Contains(stderr, "the address is --addr HOST:PORT") || strings.Contains(stderr, "did you mean") {
			t.Errorf("%s: status %d\n%s", flag, status, stderr)
		}
	}
	for flag, want := range map[string]string{"--cert": "--tls-cert", "--key": "--tls-key"} {
		if status, _, stderr := finish(t, "echo", flag, "x"); status != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d\n%s", flag, status, stderr)
		}
	}
}
