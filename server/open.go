package server

import (
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/poller"
)

// openRow is the phase of a connection whose opening handshake is done. Its driver does the
// rest.
type openRow struct{ *loop }

func (l openRow) ready(cl *client, ready poller.Interest) { l.readyOpen(cl, ready) }

// readyOpen is the straight path of messages, without the table.
func (l *loop) readyOpen(cl *client, ready poller.Interest) {
	if ready&poller.Write != 0 {
		cl.driver().Writable()
	}
	if ready&poller.Read != 0 && cl.State() != session.Closed {
		cl.driver().Readable()
	}
}

func (l openRow) late(cl *client) {
	cl.driver().Retime()
	l.checkLife(cl)
	cl.driver().Expire()
}

func (l openRow) dismissed(cl *client, o order) {
	if o == orderDrain {
		_ = cl.Close(frame.GoingAway, "server is shutting down") // closing already: it goes on
		return
	}
	l.aborted.Add(1)
	cl.driver().Abort(l.cause)
}

// broken closes a connection whose callback took the loop's goroutine with it. The session
// has counted and logged it.
func (l openRow) broken(cl *client) {
	_ = cl.Close(frame.InternalError, "") // closing already: it goes on
	cl.driver().Attend()
}

func (l openRow) short(cl *client) { cl.driver().Shed() }

func (l openRow) step(cl *client) time.Duration {
	return wheelStep(coarseFor(cl.driver().MaxLifetime()))
}
