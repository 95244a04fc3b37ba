//go:build !owned

package session

// check panics, in builds with the tag owned, unless the calling goroutine runs the loop.
func (l *Loop) check() {}

// check is that of the connection's loop.
func (d *calling) check() {}
