//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import "time"

// Abandon is for before Close. If the system still has bytes of ours that the peer has not
// taken, it is to give them up once the peer has taken none for that long: it would keep them
// for ever while a peer that does not read is there. With a patience of 0 Close discards them
// and resets the connection. Linux alone knows another patience; elsewhere what is left then
// is the system's.
func Abandon(fd int, patience time.Duration) {
	n, known := Unsent(fd)
	switch {
	case known && n == 0:
	case patience > 0:
		_ = SetUserTimeout(fd, patience)
	default:
		_ = SetLinger(fd, 0)
	}
}
