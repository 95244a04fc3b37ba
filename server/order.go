package server

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
	l.row(cl).dismissed(cl, o)
}

// obey carries out an order.
func (l *loop) obey(o order) {
	l.order = o
	l.clients.each(func(cl *client) { l.dismiss(cl, o) })
	l.told = o
	l.current = nil
}
