// Package floor has what is no server.
package floor

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/peers/peer"
)

// New returns what is no server but the least that an echo over epoll can cost in Go:
// one thread that waits, receives, unmasks a byte at a time, and sends from the buffer
// it received into. It serves only clients that send whole frames of at most 125 bytes,
// and at most 4 KiB of them at once. It checks nothing. It loses bytes that a socket does
// not take. What another server costs beyond it is that server's own; the rest is
// the kernel's.
func New() peer.Server { return new(floor) }

// NewParked is New, but the loop waits as framerail's does: a goroutine that Go's netpoller parks,
// and not a thread that is blocked.
func NewParked() peer.Server { return &floor{parks: true} }

type floor struct {
	ln    net.Listener
	poll  int
	parks bool
	buf   [4096]byte // of the loop
	// stop is the pipe whose end ends the loop.
	stop [2]*os.File
	end  int // of stop, to read
	done sync.WaitGroup
}

func (s *floor) Serve(ln net.Listener) (err error) {
	s.ln = ln
	if s.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if s.stop[0], s.stop[1], err = os.Pipe(); err != nil {
		return err
	}
	s.end = int(s.stop[0].Fd())
	if err := s.watch(s.end); err != nil {
		return err
	}
	loop := s.block
	if s.parks {
		loop = s.park
	}
	s.done.Go(loop)
	for {
		c, err := ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			_ = s.stop[1].Close()
			s.done.Wait()
			return errors.Join(s.stop[0].Close(), unix.Close(s.poll))
		case err != nil:
			return err
		}
		go s.handshake(c)
	}
}

func (s *floor) Close() error { return s.ln.Close() }

// handshake makes the opening handshake and gives the loop a descriptor of its own.
func (s *floor) handshake(c net.Conn) {
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return
	}
	if _, err := ws.Upgrade(c); err != nil {
		return
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if own, err := unix.Dup(int(fd)); err == nil && s.watch(own) != nil {
			_ = unix.Close(own)
		}
	})
}

func (s *floor) watch(fd int) error {
	return unix.EpollCtl(s.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// block is the loop of a thread of its own.
func (s *floor) block() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var events [128]unix.EpollEvent
	for {
		n, err := unix.EpollWait(s.poll, events[:], -1)
		if err != nil && err != unix.EINTR {
			return
		}
		if !s.serve(events[:max(n, 0)]) {
			return
		}
	}
}

// park is the loop of a goroutine that waits in Go's netpoller.
func (s *floor) park() {
	own, err := unix.Dup(s.poll) // a file closes what it was made of
	if err != nil || unix.SetNonblock(own, true) != nil {
		return
	}
	file := os.NewFile(uintptr(own), "epoll")
	defer file.Close()
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	var events [128]unix.EpollEvent
	n := 0
	look := func(fd uintptr) bool {
		n, err = unix.EpollWait(int(fd), events[:], 0)
		return n > 0 || err != nil && err != unix.EINTR
	}
	for {
		if conn.Read(look) != nil || n < 0 || !s.serve(events[:n]) {
			return
		}
	}
}

// serve answers those that are ready; false at the end of the loop.
func (s *floor) serve(ready []unix.EpollEvent) bool {
	for _, ev := range ready {
		switch fd := int(ev.Fd); {
		case fd == s.end:
			return false
		case !answer(fd, s.buf[:]):
			_ = unix.Close(fd)
		}
	}
	return true
}

// answer echoes the frames that have come; false, if there is no end of them.
func answer(fd int, buf []byte) bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
	if errno == unix.EAGAIN {
		return true
	}
	if errno != 0 || n == 0 {
		return false
	}
	const head, key = 2, 4
	out := 0 // what is to be sent begins where it was received
	for in := buf[:n]; len(in) > 0; {
		if len(in) < head+key || in[0]&0x0f == 8 {
			return false
		}
		end := head + key + int(in[1]&0x7f)
		if end > len(in) {
			return false
		}
		for i := range in[head+key : end] {
			in[head+key+i] ^= in[head+i&3]
		}
		first, size := in[0], in[1]&0x7f
		copy(buf[out+head:], in[head+key:end])
		buf[out], buf[out+1] = first, size
		out += head + int(size)
		in = in[end:]
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(out), unix.MSG_NOSIGNAL, 0, 0)
	return true
}
