//go:build freebsd || netbsd || dragonfly

package socket

// Writev writes as much of bufs, one after the other, as the socket takes and
// returns how many bytes that was. It looks at the first MaxBuffers of them;
// fewer bytes than bufs hold is no error. bufs is not changed.
//
// x/sys has no writev for these systems: one write per buffer does the same.
func Writev(fd int, bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs[:min(len(bufs), MaxBuffers)] {
		n, err := Write(fd, b)
		total += n
		if err != nil && total > 0 {
			return total, nil // it comes again with the next call
		}
		if err != nil || n < len(b) {
			return total, err
		}
	}
	return total, nil
}
