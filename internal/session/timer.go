package session

import "time"

// Each connection has one timer, for whatever falls due first. It is set anew when it
// fires and when something earlier comes up; what puts things off merely notes the
// time, so that traffic does not touch it.

// Expire tells that the time asked for with Host.SetTimer has passed, or some time before
// it: what is due then is found out here.
func (d *Driver) Expire() {
	d.check()
	switch {
	case d.Ending():
		d.closeLate()
	case d.State() == Open:
		d.fireFuncs()
		d.heartbeat()
		d.checkStall()
		d.releaseWork()
		if !d.Ending() {
			d.setTimer()
		}
	}
	d.settle()
}

// Ending tells whether the timer is that of the closing handshake, be the connection's State
// still Open: for the callbacks that are to answer what came before the peer's Close.
func (d *Driver) Ending() bool {
	d.check()
	return d.interest&endTimed != 0
}

// setTimer asks for the timer at the first moment at which something may be due.
func (d *Driver) setTimer() {
	d.check()
	first, any := d.nextBeat()
	for _, next := range [...]func() (time.Duration, bool){d.nextStall, d.nextRelease, d.nextFunc} {
		if after, ok := next(); ok && (!any || after < first) {
			first, any = after, true
		}
	}
	if any {
		d.loop.host.SetTimer(d, max(0, first))
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
func (d *Driver) stamp() uint32 { return stamp(d.loop.Now, d.limits().idleShift) }

// since is the time that has passed since a stamp of that kind.
func (d *Driver) since(noted uint32) time.Duration {
	return passed(noted, d.stamp(), d.limits().idleShift)
}
