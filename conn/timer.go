package conn

import "time"

// Each connection has one timer, for whatever falls due first. It is set anew when it
// fires and when something earlier comes up; what puts things off merely notes the
// time, so that traffic does not touch it.

// Expire tells that the time asked for with Host.SetTimer has passed or, unless the
// connection is Ending, some time before it: what is due then is found out here.
func (d *Driver) Expire() {
	switch {
	case d.Ending():
		d.closeLate()
	case (*Conn)(d).State() == Open:
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
// still Open: for the callbacks that are to answer what came before the peer's Close. It
// must not fire any earlier, since Expire ends the connection then.
func (d *Driver) Ending() bool { return d.interest&endTimed != 0 }

// setTimer asks for the timer at the first moment at which something may be due.
func (d *Driver) setTimer() {
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

// since is the time that has passed since a moment noted with millis.
func (d *Driver) since(noted uint32) time.Duration {
	return time.Duration(d.millis()-noted) * time.Millisecond
}
