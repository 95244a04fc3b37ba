package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/wire"
)

// handshakes opens and closes connections, some at a time.
type handshakes struct {
	addr    unix.SockaddrInet4
	epoll   *poll
	request []byte
	close   []byte // a Close frame
	slots   []slot
	read    []byte
}

// slot is one connection at a time.
type slot struct {
	fd       int // -1: none
	asked    bool
	upgraded bool
	came     []byte
}

func newHandshakes(addr netip.AddrPort, o Options) (*handshakes, error) {
	epoll, err := newPoll()
	if err != nil {
		return nil, err
	}
	h := &handshakes{
		addr:    unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()},
		epoll:   epoll,
		request: wire.Request(o.Addr, "/"),
		close:   wire.AppendFrame(nil, true, wire.Close, [4]byte{1, 2, 3, 4}, normal),
		slots:   make([]slot, o.Conns),
		read:    make([]byte, 4096),
	}
	for i := range h.slots {
		h.slots[i].fd = -1
	}
	return h, nil
}

// normal is close code 1000.
var normal = []byte{0x03, 0xe8}

// closeFrame is the server's Close frame in answer.
var closeFrame = []byte{0x88, 2, normal[0], normal[1]}

func (h *handshakes) Close() error {
	errs := []error{h.epoll.close()}
	for _, s := range h.slots {
		if s.fd >= 0 {
			errs = append(errs, unix.Close(s.fd))
		}
	}
	return errors.Join(errs...)
}

func (h *handshakes) Run(d time.Duration) (s Slice, err error) {
	start := time.Now()
	for i := range h.slots {
		if err := h.open(i); err != nil {
			return s, err
		}
	}
	for due := len(h.slots); due > 0; {
		events, err := h.epoll.wait()
		if err != nil {
			return s, fmt.Errorf("%d handshakes are due: %w", due, err)
		}
		for _, event := range events {
			i := int(event.Fd)
			done, err := h.ready(i)
			switch {
			case err != nil:
			case !done:
				continue
			case time.Since(start) < d:
				s.Messages++
				err = h.open(i)
			default:
				s.Messages++
				due--
			}
			if err != nil {
				return s, fmt.Errorf("after %d handshakes: %w", s.Messages, err)
			}
		}
	}
	s.Elapsed = time.Since(start)
	return s, nil
}

// open begins a connection in a slot.
func (h *handshakes) open(i int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	s := &h.slots[i]
	s.fd, s.asked, s.upgraded, s.came = fd, false, false, s.came[:0]
	if err := configure(fd); err != nil {
		return err
	}
	if err := unix.Connect(fd, &h.addr); err != nil && err != unix.EINPROGRESS {
		return fmt.Errorf("connect: %w", err)
	}
	return h.epoll.set(unix.EPOLL_CTL_ADD, fd, i, unix.EPOLLOUT)
}

// ready takes a connection a step further, and tells whether it is closed by both sides.
func (h *handshakes) ready(i int) (done bool, err error) {
	s := &h.slots[i]
	if !s.asked {
		s.asked = true
		if _, errno := rawWrite(s.fd, h.request); errno != 0 {
			return false, fmt.Errorf("write: %w", errno)
		}
		return false, h.epoll.set(unix.EPOLL_CTL_MOD, s.fd, i, unix.EPOLLIN)
	}
	n, errno := rawRead(s.fd, h.read)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return false, nil
	case errno != 0:
		return false, fmt.Errorf("read: %w", errno)
	case n == 0:
		return false, fmt.Errorf("the server closed the connection after %q", s.came)
	}
	s.came = append(s.came, h.read[:n]...)
	if !s.upgraded {
		rest, whole, err := wire.CheckResponse(s.came)
		if err != nil || !whole {
			return false, err
		}
		s.upgraded, s.came = true, append(s.came[:0], rest...)
		if _, errno := rawWrite(s.fd, h.close); errno != 0 {
			return false, fmt.Errorf("write: %w", errno)
		}
	}
	if len(s.came) < len(closeFrame) {
		return false, nil
	}
	if !bytes.Equal(s.came, closeFrame) {
		return false, fmt.Errorf("in answer to a Close frame came %x", s.came)
	}
	fd := s.fd
	s.fd = -1
	return true, unix.Close(fd)
}
