//go:build linux || darwin

package socket

import "golang.org/x/sys/unix"

// SetUnsent sets how many bytes that it has not sent yet the system keeps before a socket
// is full; 0 restores its default. linux then takes no more; darwin does, up to its send
// buffer, but tells only below this that a socket can be written to again.
func SetUnsent(fd int, bytes int) error {
	return setOption(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
}
