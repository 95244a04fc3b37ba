// Package kqueue emulates the system calls kqueue and kevent on linux, for the tests of
// package poller. Builds with the tag kqueue run poller_kqueue.go over it.
//
// # What is emulated
//
//   - EVFILT_READ and EVFILT_WRITE on sockets, pipes and other queues.
//
//   - EV_ADD, EV_DELETE, EV_ENABLE, EV_DISABLE, EV_ONESHOT, EV_CLEAR, EV_RECEIPT, and in
//     results EV_EOF and EV_ERROR.
//
//   - The order in which changes are made and errors are returned.
//
//   - Timeouts to the nanosecond, and EINTR, which Go's own signals cause.
//
// Where systems differ, the emulation takes the behaviour that is harder to serve:
//
//   - A timeout longer than 100,000,000 s is refused, as on NetBSD.
//
//   - Adding a disabled filter does not enable it, as on FreeBSD.
//
//   - A timeout that has run out is the answer, even if something became ready in its
//     last moment, as on all of them.
//
//   - A filter ends when its descriptor is closed, even if a copy of it is open.
//
// # What is not emulated
//
// Other filters, and EV_DISPATCH, are refused with EINVAL. So is EV_CLEAR for one
// filter of a descriptor whose other filter lacks it. Regular files, which the BSDs
// watch, are refused with EPERM.
//
// EV_EOF of EVFILT_WRITE comes once both directions have ended. After an error Fflags
// is always ECONNRESET, because linux names the error only by taking it off the socket.
// Data is the number of unread bytes for EVFILT_READ, 0 for EVFILT_WRITE, and 1 for a
// listener.
//
// A descriptor may be closed, and made again as a copy of the same socket, between two
// calls. It then counts as never closed.
//
// The emulation shows neither the speed nor the faults of a kernel's kqueue.
package kqueue
