//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// The first generator is what the others are compared with, round by round.
func TestWriteCosts(t *testing.T) {
	var out bytes.Buffer
	writeCosts(&out, []*generator{{name: "other", costs: []float64{2, 4, 2}}, {name: "framerail load", costs: []float64{3, 4, 6}}})
	want := "other                2.00 µs a message (2.00 to 4.00), 1.00 times other (1.00 to 1.00)\n" +
		"framerail load       4.00 µs a message (3.00 to 6.00), 1.50 times other (1.00 to 3.00)\n"
	if got := out.String(); got != want {
		t.Errorf("%q", got)
	}
}

// framerail load alone has one line, and is compared with itself.
func TestGenerators_AreCompared(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	g := generatorsCommand{Conns: 2, Size: 20, Rounds: 1, Turn: time.Second, ServerCore: -1, Verify: "sequence"}
	var out bytes.Buffer
	if err := g.run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "framerail load") || !strings.Contains(text, "1.00 times framerail load") {
		t.Errorf("%q", text)
	}
}

func TestGenerators_WhatDoesNotLoadIsAnError(t *testing.T) {
	for text, other := range map[string]string{
		"is not NAME=COMMAND":      "load_test",
		"no such file":             "nothing=/no/such/file",
		"no message comes from it": "idle=sleep 60",
	} {
		g := generatorsCommand{Conns: 1, Turn: 400 * time.Millisecond, ServerCore: -1, Other: []string{other}}
		all, err := g.generators("")
		if err == nil {
			echo, failed := countEchoes()
			if failed != nil {
				t.Fatal(failed)
			}
			_, err = g.measure(t.Context(), echo, all[0].command)
			echo.stop()
		}
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", other, err)
		}
	}
}
