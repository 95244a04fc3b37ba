package session

import "github.com/framerail/framerail/frame"

// How fast a peer may send is bounded by two token buckets, one for messages and one
// for control frames. Each is kept as a debt in time: what arrives adds the share of a
// second that its rate allows it, time takes away as much as passes, and the bucket is
// empty at rateBurst. So both need no more than a number, and time is looked at where
// the heartbeat notes it anyway, once for each read.

// The units of debt. Both divide a millisecond, the unit in which connections know the
// time, so that nothing is lost in rounding.
const (
	messageUnits = 100_000 // in a millisecond: 10 ns each
	controlUnits = 4       // in a millisecond: 250 µs each

	messageBucket = uint32(rateBurst / 1e6 * messageUnits)
	controlBucket = uint16(rateBurst / 1e6 * controlUnits)
)

// rateCosts is what each message and control frame adds to its debt, and how much of
// compression's work adds a millisecond to that; 0: no limit.
type rateCosts struct {
	message uint32
	control uint16
	work    int64
}

func (l *Limits) rateCosts() (c rateCosts) {
	if n := l.MessagesPerSecond; n > 0 {
		c.message = uint32(1000 * messageUnits / n)
	}
	if n := l.ControlFramesPerSecond; n > 0 {
		c.control = uint16(1000 * controlUnits / min(n, MaxControlFramesPerSecond))
	}
	if n := l.CompressionPerSecond; n > 0 {
		c.work = int64(max(1, n/1000))
	}
	return c
}

// ErrMessageRate and ErrControlRate close a connection whose peer sends faster than
// the limits of [Config], for longer than their bursts allow.
var (
	ErrMessageRate = &frame.Error{Code: frame.PolicyViolation, Rule: "messages come faster than the limit", Section: "RFC 6455 10.4"}
	ErrControlRate = &frame.Error{Code: frame.PolicyViolation, Rule: "control frames come faster than the limit", Section: "RFC 6455 10.4"}
)

// repay takes the time that has passed, in ms, off the debts.
func (d *timing) repay(passed uint64) {
	d.check()
	d.messageDebt -= uint32(min(uint64(d.messageDebt), passed*messageUnits))
	d.controlDebt -= uint16(min(uint64(d.controlDebt), passed*controlUnits))
	d.workDebt -= uint8(min(uint64(d.workDebt), passed))
}
