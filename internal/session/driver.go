package session

import (
	"net/netip"
	"time"

	"github.com/framerail/framerail/internal/transport"
)

// Driver is a connection as the loop that owns it sees it: the methods by which events
// reach it. Each has the parts below do what is to be done, and then brings the connection to
// rest with settle. All are called on the loop's goroutine. The fields of the parts between
// Driver and Conn are the loop's.
type Driver struct{ expiring }

// Init readies a zero connection of loop l, which goes by p: so a loop may have connections
// of servers and of clients. The id is the loop's own number for it.
func (d *Driver) Init(l *Loop, p *Policy, id int, t transport.Transport, remote netip.AddrPort) {
	d.loop, d.id = l, int32(id)
	d.check()
	d.SetTransport(t)
	d.SetRemoteAddr(remote)
	d.terms.Store(&p.limits.terms)
	d.state.Store(roleBits(p.config.Role))
	switch p.config.Dispatch {
	case OnGoroutines:
		d.flags.Store(flagGoroutines)
	case Adaptive:
		d.flags.Store(flagGoroutines | flagAdaptive)
	}
	d.interest = interestRead
	d.overflow = p.config.Overflow
}

// SetTransport and SetRemoteAddr change arguments of Init. Before Open.
func (d *Driver) SetTransport(t transport.Transport) {
	d.check()
	d.transport = t
}

// SetRemoteAddr changes the address of the client. See SetTransport.
func (d *Driver) SetRemoteAddr(remote netip.AddrPort) {
	d.check()
	d.addr, d.port = remote.Addr(), remote.Port()
}

// Transport is what lies below the connection; for its loop alone, and until Open.
func (d *Driver) Transport() transport.Transport {
	d.check()
	return d.transport
}

// ID is the loop's number for the connection.
func (d *Driver) ID() int { return int(d.id) }

// MaxLifetime is how long the connection may live; 0 or negative: no limit.
func (d *Driver) MaxLifetime() time.Duration {
	d.check()
	return d.limits().MaxLifetime
}

// CloseInfo is how the connection ended, from Host.Closed on.
func (d *Driver) CloseInfo() CloseInfo {
	d.check()
	return d.closeInfo()
}

// Readable tells that the transport has bytes, or has ended.
func (d *Driver) Readable() {
	d.check()
	if d.resting() {
		return
	}
	d.corked.Store(true)
	d.loop.lendable = true
	d.read()
	d.settle()
	d.loop.lendable = false
}

// Writable tells that the transport takes bytes again.
func (d *Driver) Writable() {
	d.check()
	d.mu.Lock()
	if d.tx != nil {
		d.tx.blocked = false
	}
	d.mu.Unlock()
	d.settle()
}

// Attend does what was asked for by Host.Schedule.
func (d *Driver) Attend() {
	d.check()
	d.loop.lendable = true
	if d.interest&interestUnread != 0 {
		d.corked.Store(true)
		d.read()
	}
	d.settle()
	d.loop.lendable = false
}

// Resume goes on with a connection whose Message callback has lost the loop, on the goroutine that has the
// loop now. The callback may run still.
func (d *Driver) Resume() {
	d.check()
	d.rescue()
	d.settle()
}

// Expire tells that the time asked for with Host.SetTimer has passed, or some time before
// it: what is due then is found out here.
func (d *Driver) Expire() {
	d.check()
	d.expire()
	d.settle()
}

// Abort cuts the connection at once. The close callback gets err; nil means ErrAborted. On a closed
// connection it does nothing.
func (d *Driver) Abort(err error) {
	d.check()
	if err == nil {
		err = ErrAborted
	}
	d.abort(Local, err)
	d.settle()
}
