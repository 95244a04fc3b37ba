//go:build owned

package session

// check panics unless the calling goroutine runs the loop.
func (l *Loop) check() { l.owner.Check() }

// check is that of the connection's loop, once Init has given it one.
func (d *calling) check() {
	if d.loop != nil {
		d.loop.check()
	}
}
