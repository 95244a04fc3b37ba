package socket

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// SetUserTimeout sets how long what was sent may stay unacknowledged before the system
// gives the connection up; 0 restores its default. Linux alone has it.
func SetUserTimeout(fd int, d time.Duration) error {
	return setOption(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, units(d, time.Millisecond, math.MaxInt32))
}

// SetDeferAccept has a listener give connections whose peer has sent something, or has
// sent nothing for about d. Linux alone has it.
func SetDeferAccept(fd int, d time.Duration) error {
	return setOption(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, units(d, time.Second, math.MaxInt32))
}
