package conn

import (
	"time"
	"unsafe"

	"github.com/framerail/framerail/internal/session"
)

// Do runs f where the connection's callbacks run: after the callbacks for what has arrived
// already, after functions given to Do earlier, and never at the same time as one of them. So
// data that only callbacks and such functions touch needs no lock.
//
// Do does not wait for f. In a callback, f runs after the callback has returned; a stream
// callback holds f up until it returns.
//
// If Do returns nil, f runs exactly once, and before the close callback, even if the connection
// closes meanwhile. Do fails with [ErrClosed] when the connection is closed, and with
// [ErrTooManyFuncs] when 1,024 functions are waiting, those of AfterFunc included. If f panics,
// the connection closes, as with a callback.
func (c *Conn) Do(f func(*Conn)) error {
	return (*session.Conn)(c).Do(onConn(f))
}

// onConn is f as the machine of the connection calls it. A Conn and its machine are one value, and
// pointers to it are passed alike, so this is the same function under another type. A function
// around f would take memory.
func onConn(f func(*Conn)) func(*session.Conn) {
	return *(*func(*session.Conn))(unsafe.Pointer(&f))
}

// AfterFunc is Do after the duration d: never earlier, and up to 50 ms later. Messages that
// have arrived by then are handled first. With d <= 0, f runs as soon as possible.
//
// It fails as Do does, and also with [ErrClosed] when the connection is closing. A function
// whose time has not come when the connection begins to close never runs.
func (c *Conn) AfterFunc(d time.Duration, f func(*Conn)) (Timer, error) {
	t, err := (*session.Conn)(c).AfterFunc(d, onConn(f))
	return Timer(t), err
}

// Timer is a pending call of [Conn.AfterFunc]. The zero value is no call. Its methods may be
// called from any goroutine.
type Timer session.Timer

// Stop prevents the call and reports whether it did. It returns false if the function runs or
// has run, was stopped before, or was dropped because the connection closes. In a callback of
// the connection the answer is certain: the function cannot start meanwhile.
func (t Timer) Stop() bool { return session.Timer(t).Stop() }
