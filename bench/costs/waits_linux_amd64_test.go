package costs

import "golang.org/x/sys/unix"

// waits are calls that other architectures do not have.
var waits = []uint64{unix.SYS_EPOLL_WAIT}
