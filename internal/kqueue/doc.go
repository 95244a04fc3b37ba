// Package kqueue emulates the system calls kqueue and kevent on linux, for tests of
// package poller alone: builds with the tag kqueue run poller_kqueue.go over it.
//
// # What is emulated
//
// EVFILT_READ and EVFILT_WRITE on sockets, pipes and other queues; EV_ADD,
// EV_DELETE, EV_ENABLE, EV_DISABLE, EV_ONESHOT, EV_CLEAR, EV_RECEIPT; EV_EOF and
// EV_ERROR in what comes back; the order in which changes are made and errors are
// told; timeouts to the nanosecond; EINTR, which Go's own signals bring.
//
// Where systems differ it takes the one that is harder to serve: a timeout longer
// than 100,000,000 s is refused, as NetBSD does; adding a filter that is disabled
// does not enable it, as on FreeBSD; a timeout that has run out is the answer,
// whatever became ready in its last moment, as on all of them. A filter ends with
// the closing of its descriptor, though a copy of that is open.
//
// # What is not
//
// Other filters, and EV_DISPATCH, are refused with EINVAL. So is EV_CLEAR for one
// filter of a descriptor whose other filter has none. Regular files, which the BSDs
// watch, are refused with EPERM.
//
// EV_EOF of EVFILT_WRITE comes once both directions have ended. After an error
// Fflags is always ECONNRESET: linux tells which error it was only by taking it off
// the socket. Data is the number of unread bytes of EVFILT_READ; it is 0 for
// EVFILT_WRITE, and 1 for a listener.
//
// A descriptor that is closed and then made again as a copy of the same socket,
// between two calls, counts as one that was never closed.
//
// Nothing here tells how fast a kernel's kqueue is, or what its faults are.
package kqueue
