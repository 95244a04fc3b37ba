package session

import (
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/guard"
)

// Policy is what connections of one kind on one loop go by, such as those of a server: their role,
// their callbacks and their limits. It counts what they do. A loop may have connections of several
// kinds.
type Policy struct {
	config *Config
	limits *limits // of connections that have none of their own

	// sharing are the limits of the others.
	sharing struct {
		mu guard.LastMutex
		of map[Limits]*limits // guarded by mu: those that a connection has
	}

	turn   turnCounters // owned by the loop
	shared sharedCounters

	// The ping interval has that many steps, each of a millisecond shifted: see nextPing.
	pingShift, pingSteps uint8
}

// NewPolicy is the policy of a config, which must have its defaults filled in and is not
// changed.
func NewPolicy(config *Config) *Policy {
	p := &Policy{config: config}
	p.limits = p.newLimits(config.limits())
	for config.PingInterval/time.Millisecond>>p.pingShift >= 128 {
		p.pingShift++
	}
	p.pingSteps = uint8(config.PingInterval / time.Millisecond >> p.pingShift)
	return p
}

// roleBits is a role as Conn.state has it.
func roleBits(r frame.Role) uint32 { return uint32(r) << roleShift }

// newLimits are limits of connections of that policy.
func (p *Policy) newLimits(l Limits) *limits {
	own := &limits{
		Limits: l, policy: p, costs: l.rateCosts(),
		idleShift: shiftFor(l.IdleTimeout), closeShift: shiftFor(l.CloseTimeout),
	}
	own.terms = terms{p.config.Handlers, own, p.config.AutoAnswer.orNil()}
	return own
}
