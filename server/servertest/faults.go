package servertest

import "math/rand/v2"

// Faults says how often the machine fails in ways that a server has to live with.
// Each is the probability, from 0 to 0.9, that it happens when it could. The zero
// value is a machine without faults, on which only the order of things is left to
// the seed.
type Faults struct {
	// Cuts: some of the bytes on their way arrive, the rest later.
	Cuts float64
	// ShortReads and ShortWrites: a read or a write takes less than it could.
	ShortReads, ShortWrites float64
	// WouldBlock: a read or a write fails with EAGAIN although it could go on.
	WouldBlock float64
	// Spurious: the poller returns without cause, or says that a socket is ready
	// that is not.
	Spurious float64
	// Stale: the poller reports a registration that was changed, as if it had not been,
	// or the same one twice.
	Stale float64
	// Gone: the poller reports a registration that is gone, as ready for anything. What
	// comes of it must be nothing, so it is drawn apart from all else: with a Gone and
	// without one a seed takes the same course, and [Sim.Sum] is the same.
	Gone float64
	// Resets: what carries bytes resets the connection instead.
	Resets float64
	// Stalls: a client reads nothing for up to two seconds.
	Stalls float64
	// Dials: a dial by [Sim.Transport] is refused.
	Dials float64
	// Accepts: accepting fails, for want of descriptors or since the client left.
	Accepts float64
}

// Rough is a machine on which everything that can go wrong does so often.
func Rough() Faults {
	return Faults{
		Cuts: 0.5, ShortReads: 0.3, ShortWrites: 0.3, WouldBlock: 0.1,
		Spurious: 0.1, Stale: 0.2, Gone: 0.2, Resets: 0.002, Stalls: 0.02, Accepts: 0.05,
	}
}

// mostOften keeps the simulation going.
const mostOften = 0.9

// happens draws whether something of that probability happens. mu is held.
func (s *Sim) happens(p float64) bool { return drawn(s.rnd, p) }

func drawn(r *rand.Rand, p float64) bool { return p > 0 && r.Float64() < min(p, mostOften) }

// some is how many of n things happen, at least 1, if some fault makes it less than
// all. mu is held.
func (s *Sim) some(n int, p float64) int {
	if n > 1 && s.happens(p) {
		return 1 + s.rnd.IntN(n)
	}
	return n
}
