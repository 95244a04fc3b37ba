//go:build linux

package main

import (
	"fmt"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/report"
)

const (
	// A rate is that of the clients if they had no more to give, full, and the server had.
	full = 0.9
	// Latencies are those of the clients if they had little room, or sent a share of their
	// messages too late.
	roomy   = 0.8
	lateFew = 0.01
)

// refusals says which figures show the clients in place of the server, and why.
func refusals(r row, figures map[string]report.Figure, rounds []round) map[string]string {
	client := figures[report.Client].Median
	if r.load.Kind != load.Paced {
		server, known := figures[report.Busy]
		if client < full || known && server.Median >= full {
			return nil
		}
		return map[string]string{report.Rate: fmt.Sprintf("the clients used %.0f %% of their core, the server %.0f %%", client*100, server.Median*100)}
	}
	why := ""
	switch {
	case client > roomy:
		why = fmt.Sprintf("the clients used %.0f %% of their core", client*100)
	case isLate(rounds):
		late, messages := lateness(rounds)
		why = fmt.Sprintf("the clients sent %d of %d messages over 1 ms late", late, messages)
	default:
		return nil
	}
	return map[string]string{report.P50: why, report.P99: why, report.P999: why}
}

// isLate reports whether the clients sent too many messages too late.
func isLate(rounds []round) bool {
	late, messages := lateness(rounds)
	return float64(late) > lateFew*float64(messages)
}

func lateness(rounds []round) (late, messages int) {
	for _, r := range rounds {
		messages += r.Messages
		late += r.Late
	}
	return late, messages
}
