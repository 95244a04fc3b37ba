//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"testing"
)

// The bars start this very program again for their servers: with this variable
// set, the test binary is the program.
const asProgram = "RELIABILITY_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	if err := os.Setenv(asProgram, "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// bar is a subcommand.
type bar interface{ Run(context.Context) error }

// Each bar holds in its short form, and is missed by the build that is broken:
// a bar that cannot fail shows nothing.
func TestBars(t *testing.T) {
	for name, make := range map[string]func(scale) bar{
		"hold":      func(s scale) bar { return &holdCommand{scale: s} },
		"churn":     func(s scale) bar { return &churnCommand{scale: s, Workers: 8} },
		"integrity": func(s scale) bar { return &integrityCommand{scale: s, Seed: 1} },
		"slowloris": func(s scale) bar { return &slowlorisCommand{scale: s} },
		"claims":    func(s scale) bar { return &claimsCommand{scale: s} },
		"fragments": func(s scale) bar { return &fragmentsCommand{scale: s} },
		"control":   func(s scale) bar { return &controlCommand{scale: s} },
	} {
		t.Run(name+"/holds", func(t *testing.T) {
			t.Parallel()
			if err := make(scale{Short: true}).Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
		t.Run(name+"/is_missed_when_broken", func(t *testing.T) {
			t.Parallel()
			if err := make(scale{Short: true, Break: true}).Run(t.Context()); !errors.Is(err, errMissed) {
				t.Errorf("the broken build: %v", err)
			}
		})
	}
}
