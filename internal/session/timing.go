package session

import "time"

// timing is the part of a connection that knows its times and its debts: since when the peer is
// silent, what falls due when, and what the peer may send. It reads nothing and ends nothing.
// The fields are the loop's, and all of its small ones, so that they share two words.
type timing struct {
	calling

	id          int32  // the Driver's: the loop's number for the connection
	heard       uint32 // the stamp of the peer's last sign of life or, once endTimed, of that
	messageDebt uint32 // see timing_debts.go
	controlDebt uint16
	input       input    // reading's
	interest    interest // the Driver's, and what is kept with it
	sent        uint8    // when the loop last sent something: see sentNow
	workDebt    uint8    // what compression took, in ms: see timing_work.go
}

// input is what the loop does with bytes that arrive.
type input uint8

const (
	inputFrames  input = iota // parse them
	inputDiscard              // read and drop them: the connection has failed
	inputDone                 // read no more: the stream or the conversation has ended
)

// interest is which readiness of the transport the loop was last asked to tell.
type interest uint8

const (
	interestRead interest = 1 << iota
	interestWrite
	// interestUnread is kept with them, though no poller is asked: the transport may
	// have more at hand.
	interestUnread
	// endTimed and pinged are kept there, too: the close timeout is running, and a
	// heartbeat is out.
	endTimed
	pinged
)

// hear notes a sign of life of the peer's.
func (d *timing) hear() {
	d.check()
	if d.Ending() {
		return // heard is when that began
	}
	d.hearAt(d.stamp())
	d.interest &^= pinged
}

// hearAt has the peer's silence begin at a moment.
func (d *timing) hearAt(at uint32) {
	if d.messageDebt|uint32(d.controlDebt)|uint32(d.workDebt) != 0 {
		d.repay(uint64(at-d.heard) << d.limits().idleShift)
	}
	d.heard = at
}

// Ending tells whether the timer is that of the closing handshake, be the connection's State
// still Open: for the callbacks that are to answer what came before the peer's Close.
func (d *timing) Ending() bool {
	d.check()
	return d.interest&endTimed != 0
}

func (d *timing) startEndTimer() {
	d.check()
	if !d.Ending() {
		d.interest |= endTimed
		d.setEndTimer()
	}
}

// setEndTimer has the close timeout begin now.
func (d *timing) setEndTimer() {
	d.check()
	limits := d.limits()
	d.heard = stamp(d.loop.Now, limits.closeShift)
	d.loop.host.SetTimer(&d.Conn, limits.CloseTimeout)
}

// setTimer asks for the timer at the first moment at which something may be due.
func (d *timing) setTimer() {
	d.check()
	first, any := d.nextBeat()
	for _, next := range [...]func() (time.Duration, bool){d.nextStall, d.nextRelease, d.nextFunc} {
		if after, ok := next(); ok && (!any || after < first) {
			first, any = after, true
		}
	}
	if any {
		d.loop.host.SetTimer(&d.Conn, max(0, first))
	}
}

// A stamp is a moment of Loop.Now, in steps of a millisecond or, where a timeout is longer
// than 24 days, of 2 to the power of some shift of them: so that stamps, which wrap, are
// compared by difference.

// shiftFor is the shift by which a timeout is less than half of what a stamp can count.
func shiftFor(timeout time.Duration) (shift uint8) {
	for timeout/time.Millisecond>>shift >= 1<<31 {
		shift++
	}
	return shift
}

// stamp is d as stamps count it.
func stamp(d time.Duration, shift uint8) uint32 { return uint32(d / time.Millisecond >> shift) }

// passed is the time between two stamps.
func passed(from, to uint32, shift uint8) time.Duration {
	return time.Duration(to-from) << shift * time.Millisecond
}

// stamp is the loop's time as heard has it while the connection is open.
func (d *timing) stamp() uint32 { return stamp(d.loop.Now, d.limits().idleShift) }

// since is the time that has passed since a stamp of that kind.
func (d *timing) since(noted uint32) time.Duration {
	return passed(noted, d.stamp(), d.limits().idleShift)
}
