package server

import "github.com/framerail/framerail/frame"

// order is what a loop is to do with its connections; a later one outranks an
// earlier one.
type order uint8

const (
	orderServe order = iota
	orderDrain       // close each with 1001, and those who come late
	orderAbort       // cut them
)

// dismiss carries out an order on one client.
func (l *loop) dismiss(cl *client, o order) {
	l.current = cl
	switch {
	case o == orderDrain && cl.phase < leaving:
		l.hasten(cl, drainGrace)
	case o == orderDrain && cl.phase == talking:
		_ = cl.Close(frame.GoingAway, "server is shutting down") // closing already: it goes on
	case o == orderAbort && cl.phase == talking:
		l.aborted.Add(1)
		cl.driver().Abort(l.cause)
	case o == orderAbort:
		if cl.phase < leaving {
			l.run.refuse(reasonDraining)
		}
		l.drop(cl)
	}
}

// obey carries out an order.
func (l *loop) obey(o order) {
	l.order = o
	l.clients.each(func(cl *client) { l.dismiss(cl, o) })
	l.told = o
	l.current = nil
}
