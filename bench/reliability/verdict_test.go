//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// What a program reads of a bar is its last line: it must not say that a bar holds which
// was missed.
func TestVerdict_LastLineOfAMissedBarSaysWhatWasMissed(t *testing.T) {
	figure := "10 servers, no EADDRINUSE"
	missed := func() error {
		v := new(verdict)
		v.miss("restart 1: address already in use\nand more")
		v.miss("restart 2: address already in use")
		return v.finish("%s", figure)
	}
	out, err := printed(t, missed)
	if want := "MISSED, 2 times, first: restart 1: address already in use"; last(out) != want || !errors.Is(err, errMissed) {
		t.Errorf("the last line is %q, and the error %v; want %q", last(out), err, want)
	}
	if errors.Is(err, errFigures) {
		t.Error("what is no figure passes for one")
	}
	_, err = printed(t, func() error {
		v := new(verdict)
		v.measure(true, "%s", figure)
		v.measure(false, "%s", figure)
		return v.finish("%s", figure)
	})
	if !errors.Is(err, errFigures) || !errors.Is(err, errMissed) {
		t.Errorf("a figure that is missed: %v", err)
	}
	out, err = printed(t, func() error { return new(verdict).finish("%s", figure) })
	if want := "held: " + figure; last(out) != want || err != nil {
		t.Errorf("the last line is %q, and the error %v; want %q", last(out), err, want)
	}
}

func last(out string) string {
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	return lines[len(lines)-1]
}

// printed is what f prints to standard output, which must fit into a pipe.
func printed(t *testing.T, f func() error) (string, error) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stdout := os.Stdout
	os.Stdout = w
	result := f()
	os.Stdout = stdout
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), result
}
