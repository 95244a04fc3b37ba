//go:build linux && kqueue

package poller

import (
	"github.com/framerail/framerail/internal/kqueue"
	"golang.org/x/sys/unix"
)

// Builds with the tag kqueue are for tests: they run the poller for the BSDs on
// linux. What that does not show is in internal/kqueue.

type rawEvent = kqueue.Event

const (
	filterRead  = kqueue.EVFILT_READ
	filterWrite = kqueue.EVFILT_WRITE
	eventAdd    = kqueue.EV_ADD
	eventDelete = kqueue.EV_DELETE
)

func newQueue() (fd int, err error) { return kqueue.Kqueue() }

func kevent(fd int, changes, events []rawEvent, timeout *unix.Timespec) (int, error) {
	return kqueue.Kevent(fd, changes, events, timeout)
}

func setEvent(ev *rawEvent, fd, filter, flags int) { kqueue.SetKevent(ev, fd, filter, flags) }
