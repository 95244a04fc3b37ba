//go:build darwin || openbsd

package socket

import "golang.org/x/sys/unix"

// Writev writes as much of bufs, one after the other, as the socket takes and
// returns how many bytes that was. It looks at the first MaxBuffers of them;
// fewer bytes than bufs hold is no error. bufs is not changed.
func Writev(fd int, bufs [][]byte) (int, error) {
	bufs = bufs[:min(len(bufs), MaxBuffers)]
	for {
		n, err := unix.Writev(fd, bufs)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, wrap("writev", err)
		default:
			return n, nil
		}
	}
}
