//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import "time"

// DiscardAfter sets what happens after Close to bytes that the peer has not taken. The system would keep them
// for as long as a peer that does not read is there. After DiscardAfter it discards them once the peer has
// taken none for that long. With a patience of 0 Close discards them and resets the connection. Only
// Linux supports another patience. Elsewhere the system decides.
func DiscardAfter(fd int, patience time.Duration) {
	if patience > 0 {
		_ = SetUserTimeout(fd, patience) // which without such bytes changes nothing for a peer that is there
		return
	}
	if n, known := Unsent(fd); n > 0 || !known {
		_ = SetLinger(fd, 0)
	}
}
