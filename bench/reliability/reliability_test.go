//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"runtime"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/self"
	"github.com/framerail/framerail/internal/platform"
)

// The bars start this very program again for their servers. More tests go on at the same time than there are
// processors: those of which that is too many wait in atWork.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "64") // the command line, which is parsed later, may say something else
	self.Main(m, main)
}

// working has room for as many tests as there are processors.
var working = make(chan struct{}, runtime.GOMAXPROCS(0))

// atWork has the rest of a test run beside at most one such test for each further processor. All are such tests but
// those that do little but wait for a timeout.
func atWork(t *testing.T) {
	working <- struct{}{}
	t.Cleanup(func() { <-working })
}

// waiting are the bars that do little but wait.
var waiting = map[string]bool{
	"late": true, "halfopen": true, "budget": true, "blocking": true, "stalled": true, "hold": true,
	"slowloris": true, "lifetime": true, "oneaddress": true,
}

// slack is more than the bars allow: the machine that tests run on may stand still.
const slack = 8 * time.Second

// bar is a subcommand.
type bar interface{ Run(context.Context) error }

// Each bar holds in its short form, and is missed by the build that is broken:
// a bar that cannot fail shows nothing.
func TestBars(t *testing.T) {
	// These count the descriptors of the process they share, and come first and
	// one by one.
	for name, bar := range map[string]func(scale) bar{
		"shutdown": func(s scale) bar {
			return &shutdownCommand{scale: s, Load: 50 * time.Millisecond, Grace: patience}
		},
		"shutdown_tls": func(s scale) bar {
			return &shutdownCommand{scale: s, way: way{security: security{TLS: true}}, Load: 50 * time.Millisecond, Grace: patience}
		},
		"stuck":   func(s scale) bar { return &stuckCommand{scale: s, Slack: slack} },
		"restart": func(s scale) bar { return &restartCommand{scale: s, Conns: 4} },
	} {
		test(t, name+"/", bar)
	}
	for name, bar := range map[string]func(scale) bar{
		"hold":  func(s scale) bar { return &holdCommand{scale: s} },
		"churn": func(s scale) bar { return &churnCommand{scale: s, Workers: 8} },
		"churn_bridged": func(s scale) bar {
			return &churnCommand{scale: s, way: way{upgrading: upgrading{Upgrade: "bridge"}}, Workers: 8}
		},
		"leaks_upgraded": func(s scale) bar {
			return &leaksCommand{scale: s, way: way{upgrading: upgrading{Upgrade: "loop"}}, Seed: 1, Workers: 8}
		},
		"panics_upgraded": func(s scale) bar {
			return &panicsCommand{scale: s, way: way{upgrading: upgrading{Upgrade: "loop"}}, Workers: 4}
		},
		"integrity":  func(s scale) bar { return &integrityCommand{scale: s, Seed: 1} },
		"admission":  func(s scale) bar { return &admissionCommand{scale: s} },
		"budget":     func(s scale) bar { return &budgetCommand{scale: s, MiB: 64, Over: 10} },
		"oneaddress": func(s scale) bar { return &oneAddressCommand{scale: s, Ratio: 6} },
		"unopened":   func(s scale) bar { return &unopenedCommand{scale: s, Over: 10} },
		"lifetime":   func(s scale) bar { return &lifetimeCommand{scale: s, Slack: slack} },
		"headers":    func(s scale) bar { return &headersCommand{scale: s, Ratio: 4} },
		"slowloris":  func(s scale) bar { return &slowlorisCommand{scale: s, Slack: slack} },
		"stalled":    func(s scale) bar { return &stalledCommand{scale: s, Slack: slack} },
		"claims":     func(s scale) bar { return &claimsCommand{scale: s} },
		"fragments":  func(s scale) bar { return &fragmentsCommand{scale: s} },
		"inflate":    func(s scale) bar { return &inflateCommand{scale: s} },
		"compression": func(s scale) bar {
			return &compressionCommand{scale: s, Neighbours: 4, Ratio: 20, Turn: 10 * time.Millisecond}
		},
		"control":  func(s scale) bar { return &controlCommand{scale: s} },
		"storm":    func(s scale) bar { return &stormCommand{scale: s, Slack: slack} },
		"halfopen": func(s scale) bar { return &halfOpenCommand{scale: s, Slack: slack} },
		"resets":   func(s scale) bar { return &resetsCommand{scale: s} },
		"slowreader": func(s scale) bar {
			return &slowReaderCommand{scale: s, Pending: 32 << 10, Slack: 4, Tries: 3}
		},
		"stopped": func(s scale) bar {
			return &stoppedCommand{scale: s, Members: 20, Stopped: 1, Pace: 10 * time.Millisecond, Slack: 4, Tries: 3}
		},
		"utf8":        func(s scale) bar { return &utf8Command{scale: s, Workers: 2} },
		"smuggling":   func(s scale) bar { return &smugglingCommand{scale: s} },
		"negotiation": func(s scale) bar { return &negotiationCommand{scale: s, Seed: 1, Workers: 4} },
		"contention":  func(s scale) bar { return &contentionCommand{scale: s} },
		"blocking":    func(s scale) bar { return &blockingCommand{scale: s} },
		"late":        func(s scale) bar { return &lateCommand{scale: s} },
		"fuzz": func(s scale) bar {
			return &fuzzCommand{scale: s, Executions: 20_000, Workers: 1, Target: "UTF8|ParseClose", Packages: []string{"frame"}}
		},
		"leaks":         func(s scale) bar { return &leaksCommand{scale: s, Seed: 1, Workers: 8} },
		"amplification": func(s scale) bar { return &amplificationCommand{scale: s, CPU: 2000, Share: 2} },
		"handover":      func(s scale) bar { return &handoverCommand{scale: s, Echoes: 20} },
		"allocs":        func(s scale) bar { return &allocsCommand{scale: s} },
		"soak":          func(s scale) bar { return &soakCommand{scale: s, Windows: 30, Ratio: 2, Seed: 1} },
		"panics":        func(s scale) bar { return &panicsCommand{scale: s, Workers: 4} },
		"simulation":    func(s scale) bar { return &simulationCommand{scale: s, Workers: 1} },
		"integrity_tls": func(s scale) bar {
			return &integrityCommand{scale: s, way: way{security: security{TLS: true}}, Seed: 1}
		},
		"stale": func(s scale) bar { return &staleCommand{scale: s, Workers: 1} },
		"cuts":  func(s scale) bar { return &cutsCommand{scale: s, Slack: 2} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The race detector allocates itself, and takes most of the CPU that compression would measure.
			if without := name == "allocs" || name == "compression"; without && raceDetector || name == "contention" && !raceDetector {
				t.Skip("it needs the race detector, or none")
			}
			if name == "handover" && !platform.Native {
				t.Skip("it hands the listener's descriptor on, and a server that relays everything has none of a listener")
			}
			if !waiting[name] {
				atWork(t)
			}
			test(t, "", bar)
		})
	}
}

// A server that gets slower is seen.
func TestSoak_LaterAtTheEndIsMissed(t *testing.T) {
	t.Parallel()
	atWork(t)
	missed(t, "a program that gets slower and slower", func() bar {
		return &soakCommand{scale: scale{Short: true}, Windows: 30, Ratio: 2, Seed: 1, Slowing: true}
	})
}

// A loop that others wait for is seen, beside all that keeps the machine busy.
func TestSlowReader_SlowerEchoesAreMissed(t *testing.T) {
	t.Parallel()
	atWork(t)
	missed(t, "a loop that sleeps at each echo", func() bar {
		return &slowReaderCommand{scale: scale{Short: true}, Pending: 32 << 10, Slack: 4, Slowing: 20 * time.Millisecond}
	})
}

// What a byte costs is measured finely enough to see a cost that is not linear.
func TestCuts_CostBeyondLinearIsMissed(t *testing.T) {
	if raceDetector {
		t.Skip("all else costs so much with the race detector that the program's part hardly shows")
	}
	missed(t, "a program that looks through all messages with each", func() bar {
		return &cutsCommand{scale: scale{Short: true}, Slack: 2, Hoarding: true}
	})
}

// tries is how often a bar is tried of which nothing but figures is missed: a machine with other work may spoil them. Whatever
// else is missed fails the test at once. A broken build is tried as often while its bar holds: other work may hide a figure too.
const tries = 4

// missed wants a bar to be missed by a build that is broken.
func missed(t *testing.T, what string, newBar func() bar) {
	t.Helper()
	err := newBar().Run(t.Context())
	for n := 1; n < tries && err == nil; n++ {
		t.Log("once more: it held")
		err = newBar().Run(t.Context())
	}
	if !errors.Is(err, errMissed) {
		t.Errorf("%s: %v", what, err)
	}
}

func test(t *testing.T, name string, newBar func(scale) bar) {
	t.Run(name+"holds", func(t *testing.T) {
		err := newBar(scale{Short: true}).Run(t.Context())
		for n := 1; n < tries && errors.Is(err, errFigures); n++ {
			t.Log("once more: ", err)
			err = newBar(scale{Short: true}).Run(t.Context())
		}
		if err != nil {
			t.Error(err)
		}
	})
	t.Run(name+"is_missed_when_broken", func(t *testing.T) {
		missed(t, "the broken build", func() bar { return newBar(scale{Short: true, Break: true}) })
	})
}
