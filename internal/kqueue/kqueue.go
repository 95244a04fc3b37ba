//go:build linux

package kqueue

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Event is struct kevent, with FreeBSD's and Darwin's fields.
type Event struct {
	Ident  uint64
	Filter int16
	Flags  uint16
	Fflags uint32
	Data   int64
	Udata  *byte
}

// Filters and flags, with FreeBSD's and Darwin's values.
const (
	EVFILT_READ  = -1
	EVFILT_WRITE = -2

	EV_ADD     = 0x1
	EV_DELETE  = 0x2
	EV_ENABLE  = 0x4
	EV_DISABLE = 0x8
	EV_ONESHOT = 0x10
	EV_CLEAR   = 0x20
	EV_RECEIPT = 0x40
	EV_ERROR   = 0x4000
	EV_EOF     = 0x8000
)

const known = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE | EV_ONESHOT | EV_CLEAR | EV_RECEIPT

// longest is the longest timeout in seconds.
const longest = 100_000_000

// TimedOut is called, if it is set, when a call has waited for its whole timeout and
// before it answers that nothing is ready. A test makes something ready there.
var TimedOut atomic.Pointer[func()]

// SetKevent fills in a change.
func SetKevent(ev *Event, fd, filter, flags int) {
	ev.Ident, ev.Filter, ev.Flags = uint64(fd), int16(filter), uint16(flags)
}

var (
	queuesMu sync.Mutex
	queues   = make(map[int]*queue)
)

// Kqueue makes a queue. It is a descriptor, to be closed with close, and as on the
// BSDs it has no close-on-exec flag.
func Kqueue() (int, error) {
	fd, err := unix.EpollCreate1(0)
	if err != nil {
		return -1, err
	}
	queuesMu.Lock()
	defer queuesMu.Unlock()
	queues[fd] = &queue{fd: fd, watched: make(map[int]*watched), byNumber: make(map[uint64]*watched)}
	return fd, nil
}

// find is the queue under a descriptor. One that was closed is gone: if the number
// is in use again, then for something else or for a queue that Kqueue has put there.
func find(fd int) (*queue, error) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != 0 { // a queue has no file type
		return nil, unix.EBADF
	}
	queuesMu.Lock()
	defer queuesMu.Unlock()
	if q := queues[fd]; q != nil {
		return q, nil
	}
	return nil, unix.EBADF
}

// Kevent makes the changes and then fills events with what is ready, waiting at most
// timeout: nil is for ever. Without room for events it does not wait.
func Kevent(fd int, changes, events []Event, timeout *unix.Timespec) (int, error) {
	q, err := find(fd)
	if err != nil {
		return -1, err
	}
	if n, err := q.change(changes, events); n != 0 || len(events) == 0 {
		return n, err
	}
	var until time.Time
	if timeout != nil {
		if timeout.Sec < 0 || timeout.Sec > longest || timeout.Nsec < 0 || timeout.Nsec >= 1e9 {
			return -1, unix.EINVAL
		}
		until = time.Now().Add(time.Duration(timeout.Nano()))
	}
	return q.wait(events, until)
}

// change makes changes in order. What fails, and what wants a receipt, is told in
// events; with no room left there, an error ends the call.
func (q *queue) change(changes, events []Event) (reported int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range changes {
		ch := changes[i]
		errno := q.register(&ch)
		if errno == 0 && ch.Flags&EV_RECEIPT == 0 {
			continue
		}
		if reported < len(events) {
			ch.Flags, ch.Data = EV_ERROR, int64(errno)
			events[reported] = ch
			reported++
		} else if errno != 0 {
			return -1, errno
		}
	}
	return reported, nil
}
