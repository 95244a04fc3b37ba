package servertest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// end is an end of a connection that has a descriptor: a socket, or an outbound.
type end interface {
	fmt.Stringer
	readiness() poller.Interest
	watching() *watch
	number() int // of the connection
}

// What the ends have in common. The simulation's mu is held.

// endAt is the end under a descriptor; nil if there is none.
func (s *Sim) endAt(fd int) end {
	if fd < 0 || fd >= len(s.fds) {
		return nil
	}
	return s.fds[fd]
}

// descriptor gives an end the lowest descriptor that is free.
func (s *Sim) descriptor(e end) int {
	fd := slices.Index(s.fds, nil)
	if fd < 0 {
		fd = len(s.fds)
		s.fds = append(s.fds, nil)
	}
	s.fds[fd] = e
	return fd
}

// buffer is how many bytes each direction of a connection holds.
func (s *Sim) buffer() int {
	if s.Buffer == 0 {
		return defaultBuffer
	}
	return s.Buffer
}

// readFrom reads what has arrived at an end. side is 0 for the server's end of connection id, and 1 for the client's.
func readFrom(s *Sim, arrived *bytes.Buffer, b []byte, id, side int) (int, error) {
	if arrived.Len() == 0 || s.happens(s.Faults.WouldBlock) {
		s.note(actReadNothing, id, side)
		return 0, transport.ErrWouldBlock
	}
	n, _ := arrived.Read(b[:s.some(min(len(b), arrived.Len()), s.Faults.ShortReads)])
	s.note(actRead, id, n)
	return n, nil
}

// writeTo puts bytes on their way from an end, as many as the direction has room for. side is as for readFrom.
func writeTo(s *Sim, way *bytes.Buffer, bufs [][]byte, id, side int) (n int, err error) {
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	room := min(size, s.buffer()-way.Len())
	if room <= 0 && size > 0 || s.happens(s.Faults.WouldBlock) {
		s.note(actWriteNothing, id, side)
		return 0, transport.ErrWouldBlock
	}
	room = s.some(room, s.Faults.ShortWrites)
	for _, b := range bufs {
		b = b[:min(len(b), room-n)]
		way.Write(b)
		n += len(b)
	}
	s.note(actWrite, id, n)
	return n, nil
}

// misused notes a use of an end that is closed, and returns whether it is.
func misused(s *Sim, e end, closed bool, op string) bool {
	if closed {
		s.breachLocked("%s on %v, which is closed", op, e)
	}
	return closed
}

// unwatched notes that an end is closed while a poller watches it, and takes it from the poller.
func unwatched(s *Sim, e end) {
	if p := e.watching().poller; p != nil {
		s.breachLocked("%v is closed while it is watched", e)
		p.forget(e)
	}
}
