package servertest

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/framerail/framerail/poller"
)

// socket is the server's end of a connection, and the network between the two ends.
// It implements transport.Transport. Guarded by the simulation's mu.
type socket struct {
	sim    *Sim
	peer   peer // the client
	id     int  // of the connection, which no other has
	fd     int  // the server's, while it is open; others had it before
	remote netip.AddrPort
	watch  watch

	// Up to the server: on the way, and arrived.
	flight, arrived  bytes.Buffer
	upEnd, upArrived bool // the client has ended its direction; the server can see it

	// Down to the client.
	queued  bytes.Buffer
	downEnd bool // the server has ended its direction
	seenEnd bool // the client has seen the end, whichever

	isOpen, isClosed, isReset bool
	stalled                   time.Time // the client reads nothing until then
	isMoving                  bool      // it is among those of the simulation that are
}

func (k *socket) String() string { return fmt.Sprintf("connection %d (descriptor %d)", k.id, k.fd) }

// peer is the client at the other end of a socket. mu is held.
type peer interface {
	take([]byte)   // what has come
	ended(error)   // nothing more will
	reads() bool   // it is not paused
	hasLeft() bool // it reads no more
}

// stir enters the socket among those with something on its way.
func (k *socket) stir() {
	if k.isMoving {
		return
	}
	k.isMoving = true
	s := k.sim
	at, _ := slices.BinarySearchFunc(s.moving, k.id, func(o *socket, id int) int { return o.id - id })
	s.moving = slices.Insert(s.moving, at, k)
}

// isQuiet tells whether nothing is on its way, and nothing will be unless either side does something.
func (k *socket) isQuiet() bool {
	up := k.isClosed || k.isReset || k.flight.Len() == 0 && (!k.upEnd || k.upArrived)
	down := k.seenEnd || k.queued.Len() == 0 && !k.downEnd
	return up && down
}

// endUp has the end of what the client sends on its way, and endDown that of what the server does.
func (k *socket) endUp() {
	k.upEnd = true
	k.stir()
}

func (k *socket) endDown() {
	k.downEnd = true
	k.stir()
}

func (k *socket) watching() *watch { return &k.watch }
func (k *socket) number() int      { return k.id }

// open gives the socket the lowest descriptor that is free, as a kernel does.
func (k *socket) open() {
	k.fd = k.sim.descriptor(k)
	k.isOpen = true
}

func (k *socket) readiness() (r poller.Interest) {
	if k.isReset {
		return poller.Read | poller.Write
	}
	if k.arrived.Len() > 0 || k.upArrived {
		r |= poller.Read
	}
	if k.queued.Len() < k.sim.buffer() {
		r |= poller.Write
	}
	return r
}

// Read implements transport.Transport.
func (k *socket) Read(b []byte) (int, error) {
	s := k.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case misused(s, k, k.isClosed, "read"):
		return 0, syscall.EBADF
	case k.isReset:
		return 0, syscall.ECONNRESET
	case k.arrived.Len() == 0 && k.upArrived:
		return 0, io.EOF
	}
	return readFrom(s, &k.arrived, b, k.id, 0)
}

// Write implements transport.Transport.
func (k *socket) Write(bufs [][]byte) (int, error) {
	s := k.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case misused(s, k, k.isClosed, "write"):
		return 0, syscall.EBADF
	case k.isReset, k.downEnd:
		return 0, syscall.EPIPE
	}
	k.stir()
	return writeTo(s, &k.queued, bufs, k.id, 0)
}

// CloseWrite implements transport.Transport.
func (k *socket) CloseWrite() error {
	s := k.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if misused(s, k, k.isClosed, "shutdown") || k.isReset {
		return syscall.ENOTCONN
	}
	k.endDown()
	s.note(actShutdown, k.id, 0)
	return nil
}

// Close implements transport.Transport. With bytes unread it resets the connection, as TCP
// does, and what was not delivered may be lost.
func (k *socket) Close() error {
	s := k.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if misused(s, k, k.isClosed, "close") {
		return syscall.EBADF
	}
	unwatched(s, k)
	s.note(actClose, k.id, 0)
	s.fds[k.fd] = nil
	k.isClosed = true
	k.endDown()
	if k.arrived.Len()+k.flight.Len() > 0 && s.rnd.IntN(2) == 0 {
		k.reset()
	}
	k.arrived.Reset()
	k.flight.Reset()
	k.forget()
	return nil
}

// Cut implements transport.Cutter.
func (k *socket) Cut(patience time.Duration) error {
	s := k.sim
	s.mu.Lock()
	if patience == 0 && k.queued.Len() > 0 && !k.isClosed && !k.isReset {
		s.note(actReset, k.id, 2)
		k.reset()
	}
	s.mu.Unlock()
	return k.Close()
}

// LocalAddr implements transport.Transport.
func (k *socket) LocalAddr() netip.AddrPort { return serverAddr }

// Gone tells whether the peer has closed the connection before anything was read.
func (k *socket) Gone() bool {
	k.sim.mu.Lock()
	defer k.sim.mu.Unlock()
	return k.isReset || k.upArrived && k.arrived.Len() == 0
}

// PeerAddr implements transport.Peered.
func (k *socket) PeerAddr() netip.AddrPort { return k.remote }

// reset ends the connection at both ends; what was on its way is lost.
func (k *socket) reset() {
	k.isReset = true
	k.watch.stir(k)
	k.flight.Reset()
	k.arrived.Reset()
	k.queued.Reset()
	k.clientSees(syscall.ECONNRESET)
}

// clientSees tells the client that the connection has ended.
func (k *socket) clientSees(err error) {
	if !k.seenEnd {
		k.seenEnd = true
		k.peer.ended(err)
	}
	k.forget()
}

// forget lets go of the socket once both sides are done with it.
func (k *socket) forget() {
	if k.seenEnd && (k.isClosed || k.isReset && !k.isOpen) {
		s := k.sim
		s.sockets = slices.DeleteFunc(s.sockets, func(o *socket) bool { return o == k })
	}
}

func (k *socket) canMoveUp() bool {
	if k.isClosed || k.isReset {
		return false
	}
	if k.flight.Len() > 0 {
		return k.arrived.Len() < k.sim.buffer()
	}
	return k.upEnd && !k.upArrived
}

// moveUp has bytes arrive at the server, or the end of them.
func (k *socket) moveUp() {
	s := k.sim
	if s.happens(s.Faults.Resets) {
		s.note(actReset, k.id, 0)
		k.reset()
		return
	}
	n := min(k.flight.Len(), s.buffer()-k.arrived.Len())
	k.watch.stir(k)
	if n == 0 {
		k.upArrived = true
		s.note(actEndUp, k.id, 0)
		return
	}
	n = s.some(n, s.Faults.Cuts)
	k.arrived.Write(k.flight.Next(n))
	s.note(actUp, k.id, n)
}

func (k *socket) canMoveDown() bool {
	return (k.queued.Len() > 0 || k.downEnd) && !k.seenEnd && k.peer.reads() && !k.stalled.After(k.sim.now)
}

// moveDown has bytes arrive at the client, or the end of them.
func (k *socket) moveDown() {
	s := k.sim
	switch {
	case s.happens(s.Faults.Stalls):
		k.stalled = s.now.Add(time.Duration(1+s.rnd.IntN(2000)) * time.Millisecond)
		s.note(actStall, k.id, int(k.stalled.Sub(s.now)))
		return
	case s.happens(s.Faults.Resets), k.peer.hasLeft() && k.queued.Len() > 0:
		s.note(actReset, k.id, 1)
		k.reset()
		return
	}
	if k.queued.Len() == 0 {
		s.note(actEndDown, k.id, 0)
		k.clientSees(io.EOF)
		return
	}
	n := s.some(k.queued.Len(), s.Faults.Cuts)
	s.note(actDown, k.id, n)
	k.peer.take(k.queued.Next(n))
}
