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
// each once the echo of the one before has come, checks nothing, and loses what a socket
// does not take. What another server costs beyond it is that server's own; the rest is
// the kernel's.
func New() peer.Server { return new(floor) }

type floor struct {
	ln   net.Listener
	poll int
	// stop is the pipe whose end ends the loop.
	stop [2]*os.File
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
	if err := s.watch(int(s.stop[0].Fd())); err != nil {
		return err
	}
	s.done.Go(s.loop)
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

func (s *floor) loop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var events [128]unix.EpollEvent
	var buf [4096]byte
	stop := int(s.stop[0].Fd())
	for {
		n, err := unix.EpollWait(s.poll, events[:], -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, ev := range events[:max(n, 0)] {
			switch fd := int(ev.Fd); {
			case fd == stop:
				return
			case !answer(fd, buf[:]):
				_ = unix.Close(fd)
			}
		}
	}
}

// answer echoes the frame that has come; false, if there is no end of it.
func answer(fd int, buf []byte) bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
	if errno == unix.EAGAIN {
		return true
	}
	const head, key = 2, 4
	if errno != 0 || n < head+key {
		return false
	}
	end := head + key + int(buf[1]&0x7f)
	if buf[0]&0x0f == 8 || end != int(n) {
		return false
	}
	for i := range buf[head+key : end] {
		buf[head+key+i] ^= buf[head+i&3]
	}
	buf[key], buf[key+1] = buf[0], buf[1]&0x7f
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&buf[key])), uintptr(end-key), unix.MSG_NOSIGNAL, 0, 0)
	return true
}
