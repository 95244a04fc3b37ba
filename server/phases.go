package server

import (
	"time"

	"github.com/framerail/framerail/poller"
)

// phase is a row of a loop's table: where a connection stands in its life.
type phase uint8

const (
	phaseOpen        phase = iota // the conn has taken over
	phaseProxyHeader              // the PROXY header is arriving
	phaseTLS                      // the TLS handshake goes on
	phaseRequest                  // the request is arriving
	phaseCheck                    // the program is asked on a goroutine
	phaseLeaving                  // the connection was refused; the peer may read its answer
	phaseCount
)

// row is what a loop does in one phase. All methods are called on the loop's goroutine,
// with the connection as loop.current.
type row interface {
	// ready reacts to the readiness of the transport.
	ready(cl *client, ready poller.Interest)
	// late reacts to the connection's timer, which may fire before the time is over.
	late(cl *client)
	// dismissed carries out an order to drain or to abort.
	dismissed(cl *client, o order)
	// broken ends the connection: code of the program's has ended the loop's goroutine
	// while it was called for this connection.
	broken(cl *client)
	// short ends the connection for the memory that it holds, or wants.
	short(cl *client)
	// step is the unit of the phase's moments.
	step(cl *client) time.Duration
}

// rows are the table of phases.
type rows [phaseCount]row

func newRows(l *loop) *rows {
	before := unopenedRow{l}
	return &rows{
		phaseOpen:        openRow{l},
		phaseProxyHeader: proxyHeaderRow{before},
		phaseTLS:         tlsRow{before},
		phaseRequest:     requestRow{before},
		phaseCheck:       checkRow{before},
		phaseLeaving:     leavingRow{l},
	}
}

// row is what the loop does with a connection in its phase.
func (l *loop) row(cl *client) row { return l.rows[cl.phase] }

// unopenedRow is what the phases before the connection is open, or refused, have in common.
type unopenedRow struct{ *loop }

// early tells whether a timer has fired before the connection's time is over, and then sets
// it again.
func (l *loop) early(cl *client) bool {
	if l.isOver(cl) {
		return false
	}
	l.setTimer(cl, l.left(cl))
	return true
}

func (l unopenedRow) dismissed(cl *client, o order) {
	if o == orderDrain {
		l.hasten(cl, drainGrace)
		return
	}
	l.run.refuse(reasonDraining)
	l.drop(cl)
}

func (l unopenedRow) broken(cl *client) {
	l.run.refuse(reasonInternal)
	l.drop(cl)
}

func (l unopenedRow) short(cl *client) {
	l.run.refuse(reasonNoMemory)
	l.run.logger.Info("framerail: connection refused: buffers are short", "remote", cl.RemoteAddr())
	l.drop(cl)
}

func (l unopenedRow) step(*client) time.Duration { return wheelStep(l.run.coarse.handshake) }
