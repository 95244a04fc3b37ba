package servertest

import "fmt"

// FNV-1a, with whole words in the place of bytes.
const (
	offsetBasis = 14695981039346656037
	prime       = 1099511628211
)

// act is a kind of thing that happens.
type act uint8

const (
	actRun act = iota
	actTime
	actDial
	actAccept
	actAcceptFails
	actWatch
	actEvents
	actRead
	actReadNothing
	actWrite
	actWriteNothing
	actShutdown
	actClose
	actUp
	actEndUp
	actDown
	actEndDown
	actStall
	actReset
)

// acts are their names in the trace.
var acts = [...]string{
	actRun:          "run",
	actTime:         "time",
	actDial:         "dial",
	actAccept:       "accept",
	actAcceptFails:  "accept fails",
	actWatch:        "watch",
	actEvents:       "events",
	actRead:         "read",
	actReadNothing:  "read nothing",
	actWrite:        "write",
	actWriteNothing: "write nothing",
	actShutdown:     "shutdown",
	actClose:        "close",
	actUp:           "up",
	actEndUp:        "end up",
	actDown:         "down",
	actEndDown:      "end down",
	actStall:        "stall",
	actReset:        "reset",
}

// Sum is a hash of all that has happened. Two simulations with the same seed, script
// and server have the same.
func (s *Sim) Sum() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum
}

// note adds something that happened to the trace. mu is held.
func (s *Sim) note(what act, actor, n int) {
	s.sum = (s.sum ^ uint64(what)) * prime
	s.sum = (s.sum ^ uint64(actor)) * prime
	s.sum = (s.sum ^ uint64(n)) * prime
	if s.Trace != nil {
		fmt.Fprintf(s.Trace, "%s %d %d\n", acts[what], actor, n)
	}
}
