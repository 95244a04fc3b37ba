//go:build linux

package kqueue

import (
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// queue is a kqueue over the epoll descriptor that has its number.
type queue struct {
	fd int

	mu sync.Mutex
	// watched holds descriptors by their number, byNumber by that of their
	// registration, which the events of epoll carry.
	watched  map[int]*watched
	byNumber map[uint64]*watched
	last     uint64
	// left is what was ready when there was no more room for events. It is next,
	// as with a queue that is one.
	left []*note
}

// watched is a descriptor with a filter at least.
type watched struct {
	fd         int
	file       identity
	number     uint64
	notes      [2]*note // of EVFILT_READ and EVFILT_WRITE
	registered uint32   // the mask that epoll has; 0 is that it is not there
}

// note is a filter that has been added.
type note struct {
	of       *watched
	slot     int
	flags    uint16
	udata    *byte
	disabled bool
}

// identity tells a file from the next one that has its descriptor.
type identity struct{ device, inode uint64 }

func identify(fd int) (identity, bool) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return identity{}, false
	}
	return identity{st.Dev, st.Ino}, true
}

// alive tells whether the descriptor has not been closed since.
func (w *watched) alive() bool {
	now, ok := identify(w.fd)
	return ok && now == w.file
}

// register makes one change.
func (q *queue) register(ch *Event) unix.Errno {
	slot := -1 - int(ch.Filter)
	if slot != 0 && slot != 1 || ch.Flags&^known != 0 {
		return unix.EINVAL
	}
	fd := int(ch.Ident)
	w := q.watched[fd]
	if w != nil && !w.alive() {
		q.forget(w)
		w = nil
	}
	file, open := identify(fd)
	if !open {
		return unix.EBADF
	}
	switch have := w != nil && w.notes[slot] != nil; {
	case !have && ch.Flags&EV_ADD == 0:
		return unix.ENOENT
	case ch.Flags&EV_DELETE != 0:
		if have {
			w.notes[slot] = nil
			return q.settle(w)
		}
		return 0 // added and deleted
	case !have:
		return q.add(w, fd, file, slot, ch)
	}
	n := w.notes[slot]
	if ch.Flags&EV_ADD != 0 {
		n.udata = ch.Udata
	}
	if ch.Flags&EV_ENABLE != 0 {
		n.disabled = false
	} else if ch.Flags&EV_DISABLE != 0 {
		n.disabled = true
	}
	return q.settle(w)
}

// add adds a filter, and the descriptor too if w is nil.
func (q *queue) add(w *watched, fd int, file identity, slot int, ch *Event) unix.Errno {
	if isQueue(fd) && slot == 1 {
		return unix.EINVAL // a queue is never written to
	}
	if w == nil {
		q.last++
		w = &watched{fd: fd, file: file, number: q.last}
		q.watched[fd], q.byNumber[w.number] = w, w
	}
	if other := w.notes[1-slot]; other != nil && (other.flags^ch.Flags)&EV_CLEAR != 0 {
		return unix.EINVAL
	}
	w.notes[slot] = &note{of: w, slot: slot, flags: ch.Flags, udata: ch.Udata, disabled: ch.Flags&EV_DISABLE != 0}
	errno := q.settle(w)
	if errno != 0 {
		w.notes[slot] = nil
		q.settle(w)
	}
	return errno
}

func isQueue(fd int) bool {
	_, err := find(fd)
	return err == nil
}

// settle brings epoll's view of a descriptor in line with its filters. One with no
// filter that is enabled is taken out: it would still report a hang-up.
func (q *queue) settle(w *watched) unix.Errno {
	var mask uint32
	for slot, n := range w.notes {
		if n == nil || n.disabled {
			continue
		}
		mask |= [...]uint32{unix.EPOLLIN | unix.EPOLLRDHUP, unix.EPOLLOUT}[slot]
		if n.flags&EV_CLEAR != 0 {
			mask |= unix.EPOLLET
		}
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case mask == 0:
		op = unix.EPOLL_CTL_DEL
	case w.registered == 0:
		op = unix.EPOLL_CTL_ADD
	}
	if mask != 0 || w.registered != 0 {
		if errno := q.control(op, w, mask); errno != 0 {
			return errno
		}
		w.registered = mask
	}
	if w.notes[0] == nil && w.notes[1] == nil {
		q.forget(w)
	}
	return 0
}

func (q *queue) control(op int, w *watched, mask uint32) unix.Errno {
	ev := unix.EpollEvent{Events: mask, Fd: int32(uint32(w.number)), Pad: int32(uint32(w.number >> 32))}
	errno, _ := unix.EpollCtl(q.fd, op, w.fd, &ev).(unix.Errno)
	return errno
}

// forget drops what is known of a descriptor.
func (q *queue) forget(w *watched) {
	if q.watched[w.fd] == w {
		delete(q.watched, w.fd)
	}
	delete(q.byNumber, w.number)
	w.notes = [2]*note{}
}

// renew replaces the epoll descriptor by a new one with the same number and flags.
// The old one goes on to report a descriptor that was closed while a copy of it is
// open, and cannot be told not to.
func (q *queue) renew() error {
	fresh, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	defer unix.Close(fresh)
	flags, err := unix.FcntlInt(uintptr(q.fd), unix.F_GETFD, 0)
	if err != nil {
		return err
	}
	if flags&unix.FD_CLOEXEC != 0 {
		flags = unix.O_CLOEXEC
	}
	if err := unix.Dup3(fresh, q.fd, flags); err != nil {
		return err
	}
	for _, w := range q.watched {
		w.registered = 0
		if w.alive() {
			q.settle(w)
		}
	}
	return nil
}

// wait fills events with what is ready, or returns 0 at the time; zero is never.
func (q *queue) wait(events []Event, until time.Time) (int, error) {
	raw := make([]unix.EpollEvent, len(events))
	for {
		q.mu.Lock()
		n := q.takeLeft(events)
		q.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		got, errno := pwait(q.fd, raw, until)
		if errno != 0 {
			return -1, errno
		}
		if got == 0 {
			if f := TimedOut.Load(); f != nil {
				(*f)()
			}
			return 0, nil
		}
		n, err := q.take(raw[:got], events)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// pwait is epoll_pwait2, whose timeout is in nanoseconds.
func pwait(fd int, raw []unix.EpollEvent, until time.Time) (int, unix.Errno) {
	var timeout *unix.Timespec
	if !until.IsZero() {
		ts := unix.NsecToTimespec(max(0, time.Until(until).Nanoseconds()))
		timeout = &ts
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(fd), uintptr(unsafe.Pointer(&raw[0])), uintptr(len(raw)),
		uintptr(unsafe.Pointer(timeout)), 0, 0)
	return int(n), errno
}

// take makes events of what epoll has found.
func (q *queue) take(raw []unix.EpollEvent, events []Event) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	orphans := false
	for i := range raw {
		w := q.byNumber[uint64(uint32(raw[i].Fd))|uint64(uint32(raw[i].Pad))<<32]
		if w == nil || !w.alive() {
			if w != nil {
				q.forget(w)
			}
			orphans = true
			continue
		}
		for _, note := range w.notes {
			if !note.wants(raw[i].Events) {
				continue
			}
			if n == len(events) {
				q.left = append(q.left, note)
				continue
			}
			events[n] = q.report(note, raw[i].Events)
			n++
		}
	}
	if orphans {
		err = q.renew()
	}
	return n, err
}

// takeLeft makes events of what had no room, unless it is ready no longer.
func (q *queue) takeLeft(events []Event) (n int) {
	for n < len(events) && len(q.left) > 0 {
		note := q.left[0]
		q.left = q.left[1:]
		if note.of.notes[note.slot] != note || !note.of.alive() {
			continue
		}
		poll := []unix.PollFd{{Fd: int32(note.of.fd), Events: [...]int16{unix.POLLIN | unix.POLLRDHUP, unix.POLLOUT}[note.slot]}}
		if got, err := unix.Poll(poll, 0); got == 1 && err == nil && note.wants(uint32(poll[0].Revents)) {
			events[n] = q.report(note, uint32(poll[0].Revents))
			n++
		}
	}
	return n
}

// wants tells whether a filter fires for what epoll has found.
func (n *note) wants(found uint32) bool {
	if n == nil || n.disabled {
		return false
	}
	return found&([...]uint32{unix.EPOLLIN | unix.EPOLLRDHUP, unix.EPOLLOUT}[n.slot]|unix.EPOLLHUP|unix.EPOLLERR) != 0
}

// report makes the event of a filter that fires.
func (q *queue) report(n *note, found uint32) Event {
	ev := Event{Ident: uint64(n.of.fd), Filter: int16(-1 - n.slot), Flags: n.flags &^ (EV_DISABLE | EV_ENABLE | EV_RECEIPT), Udata: n.udata}
	over := uint32(unix.EPOLLHUP | unix.EPOLLERR)
	if n.slot == 0 {
		over |= unix.EPOLLRDHUP
		ev.Data = 1 // a listener does not tell
		if unread, err := unix.IoctlGetInt(n.of.fd, unix.TIOCINQ); err == nil {
			ev.Data = int64(unread)
		}
	}
	if found&over != 0 {
		ev.Flags |= EV_EOF
	}
	if found&unix.EPOLLERR != 0 {
		ev.Fflags = uint32(unix.ECONNRESET)
	}
	if n.flags&EV_ONESHOT != 0 {
		n.of.notes[n.slot] = nil
		q.settle(n.of)
	}
	return ev
}
