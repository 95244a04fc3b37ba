package server

import (
	"errors"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/poller"
)

// errUnwatched is what the close callback is told when the system failed the loop.
var errUnwatched = errors.New("framerail: the system does not tell any more when the connection is ready")

// Schedule implements conn.Host.
func (l *loop) Schedule(d *conn.Driver) {
	l.mu.Lock()
	if !l.ended {
		l.mail.due = append(l.mail.due, d)
	}
	l.mu.Unlock()
	l.wake()
}

// SetInterest implements conn.Host.
func (l *loop) SetInterest(d *conn.Driver, read, write bool) {
	interest := poller.None
	if read {
		interest |= poller.Read
	}
	if write {
		interest |= poller.Write
	}
	cl := clientOf(d)
	if err := l.poll.Modify(cl.fd(), interest, cl.token()); err != nil {
		l.run.logger.Error("framerail: cannot watch a connection", "remote", cl.RemoteAddr(), "error", err)
		cl.doomed = true // it cannot be ended from in here: its timer does
		l.SetTimer(d, 0)
	}
}

// SetTimer implements conn.Host.
func (l *loop) SetTimer(d *conn.Driver, after time.Duration) {
	cl := clientOf(d)
	if l.mortal(cl) {
		after = min(after, l.left(cl))
	}
	l.setTimer(cl, after)
}

// Opened implements conn.Host.
func (l *loop) Opened(d *conn.Driver) { l.srv.clients.add(clientOf(d)) }

// Closed implements conn.Host.
func (l *loop) Closed(d *conn.Driver) {
	cl := clientOf(d)
	l.srv.clients.remove(cl)
	l.srv.sessions.closed(d.CloseInfo())
	l.forget(cl)
}

// Ended implements conn.Host.
func (l *loop) Ended(*conn.Driver) { l.srv.sessions.end() }

// forget ends the loop's part in a client, whose descriptor is then closed or
// somebody else's.
func (l *loop) forget(cl *client) {
	_ = l.poll.Remove(cl.fd())
	id := cl.driver().ID()
	l.timers.Clear(id)
	l.clients.give(id)
	l.run.admission.leave(cl.RemoteAddr().Addr(), cl.standing)
	l.load.Add(-1)
}
