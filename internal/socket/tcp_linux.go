package socket

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// SetUserTimeout sets how long sent bytes may stay unacknowledged before the system ends the connection; 0
// restores its default. Only Linux has it.
func SetUserTimeout(fd int, d time.Duration) error {
	return setOption(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, units(d, time.Millisecond, math.MaxInt32))
}

// SetDeferAccept makes a listener return a connection only once its peer has sent something, or nothing
// for about d. Only Linux has it.
func SetDeferAccept(fd int, d time.Duration) error {
	return setOption(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, units(d, time.Second, math.MaxInt32))
}
