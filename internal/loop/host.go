package loop

import (
	"errors"
	"time"

	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/poller"
)

// ErrUnwatched is the error in CloseInfo if the poller has failed for the connection.
var ErrUnwatched = errors.New("framerail: the system does not tell any more when the connection is ready")

// host is a loop as its open connections see it.
type host Loop

var _ session.Host = (*host)(nil)

// Schedule implements session.Host.
func (h *host) Schedule(c *session.Conn) { h.schedule(tenantOf(c)) }

// SetInterest implements session.Host.
func (h *host) SetInterest(d *session.Driver, read, write bool) {
	interest := poller.None
	if read {
		interest |= poller.Read
	}
	if write {
		interest |= poller.Write
	}
	t := tenantOf(&d.Conn)
	if err := h.poll.Modify(t.FD(), interest, t.Token()); err != nil {
		h.options.Logger.Error("framerail: cannot watch a connection", "remote", t.RemoteAddr(), "error", err)
		t.pollFailed = true // it cannot be ended from in here: its timer does
		h.SetTimer(&d.Conn, 0)
	}
}

// SetTimer implements session.Host.
func (h *host) SetTimer(c *session.Conn, after time.Duration) {
	l, t := (*Loop)(h), tenantOf(c)
	if l.hasLifetime(t) {
		after = min(after, l.Left(t))
	}
	l.SetTimer(t, after)
}

// Limited implements session.Host.
func (h *host) Limited(d *session.Driver) {
	(*Loop)(h).beginLife(tenantOf(&d.Conn), d.MaxLifetime())
}

// Opened implements session.Host.
func (h *host) Opened(c *session.Conn) {
	t := tenantOf(c)
	(*Loop)(h).owner(t).Opened(t)
}

// Closed implements session.Host.
func (h *host) Closed(d *session.Driver) {
	l, t := (*Loop)(h), tenantOf(&d.Conn)
	l.owner(t).Closed(t)
	l.Forget(t)
}

// Ended implements session.Host.
func (h *host) Ended(c *session.Conn) {
	t := tenantOf(c)
	(*Loop)(h).owner(t).Ended(t)
}
