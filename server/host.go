package server

import (
	"errors"
	"time"

	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/poller"
)

// errUnwatched is what the close callback is told when the system failed the loop.
var errUnwatched = errors.New("framerail: the system does not tell any more when the connection is ready")

// Schedule implements session.Host.
func (l *loop) Schedule(c *session.Conn) {
	l.mu.Lock()
	if !l.ended {
		l.mail.due = append(l.mail.due, clientOf(c))
	}
	l.mu.Unlock()
	l.wake()
}

// SetInterest implements session.Host.
func (l *loop) SetInterest(d *session.Driver, read, write bool) {
	interest := poller.None
	if read {
		interest |= poller.Read
	}
	if write {
		interest |= poller.Write
	}
	cl := clientOf(&d.Conn)
	if err := l.poll.Modify(cl.fd(), interest, cl.token()); err != nil {
		l.run.logger.Error("framerail: cannot watch a connection", "remote", cl.RemoteAddr(), "error", err)
		cl.pollFailed = true // it cannot be ended from in here: its timer does
		l.SetTimer(d, 0)
	}
}

// SetTimer implements session.Host.
func (l *loop) SetTimer(d *session.Driver, after time.Duration) {
	cl := clientOf(&d.Conn)
	if l.mortal(cl) {
		after = min(after, l.left(cl))
	}
	l.setTimer(cl, after)
}

// Opened implements session.Host.
func (l *loop) Opened(c *session.Conn) { l.srv.clients.add(clientOf(c)) }

// Closed implements session.Host.
func (l *loop) Closed(d *session.Driver) {
	cl := clientOf(&d.Conn)
	l.srv.clients.remove(cl)
	l.srv.sessions.closed(d.CloseInfo())
	l.forget(cl)
}

// Ended implements session.Host.
func (l *loop) Ended(*session.Conn) { l.srv.sessions.end() }

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
