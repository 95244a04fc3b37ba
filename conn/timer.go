package conn

import "time"

// Each connection has one timer, for whatever falls due first. It is set anew when it
// fires and when something earlier comes up; what puts things off merely notes the
// time, so that traffic does not touch it.

// Expire tells that the time asked for with Host.SetTimer has passed or, unless the
// connection is Ending, some time before it: what is due then is found out here.
func (d *Driver) Expire() {
	switch {
	case d.endTimed:
		d.closeLate()
	case (*Conn)(d).State() == Open:
		d.heartbeat()
		d.checkStall()
		if !d.endTimed {
			d.setTimer()
		}
	}
	d.settle()
}

// Ending tells whether the timer is that of the closing handshake, be the connection's State
// still Open: for the callbacks that are to answer what came before the peer's Close. It
// must not fire any earlier, since Expire ends the connection then.
func (d *Driver) Ending() bool { return d.endTimed }

// setTimer asks for the timer at the first moment at which something may be due.
func (d *Driver) setTimer() {
	beat, beats := d.nextBeat()
	stall, stalls := d.nextStall()
	switch {
	case beats && stalls:
		d.loop.host.SetTimer(d, max(0, min(beat, stall)))
	case beats:
		d.loop.host.SetTimer(d, max(0, beat))
	case stalls:
		d.loop.host.SetTimer(d, max(0, stall))
	}
}

// since is the time that has passed since a moment noted with millis.
func (d *Driver) since(noted uint32) time.Duration {
	return time.Duration(d.millis()-noted) * time.Millisecond
}
