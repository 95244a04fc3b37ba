//go:build linux || darwin

package socket

import "golang.org/x/sys/unix"

// SetUnsent sets how many unsent bytes the system keeps before a socket is full; 0 restores its default.
// linux then takes no more. darwin takes more, up to its send buffer, but reports the socket as
// writable only below this.
func SetUnsent(fd int, bytes int) error {
	return setOption(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
}
