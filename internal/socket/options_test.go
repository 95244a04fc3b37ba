//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"errors"
	"io"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func option(t *testing.T, fd, level, name int) int {
	t.Helper()
	value, err := unix.GetsockoptInt(fd, level, name)
	must(t, err)
	return value
}

func TestSetNoDelay(t *testing.T) {
	ours, theirs := tcpPair(t)
	defer unix.Close(theirs)
	must(t, SetNoDelay(ours, true))
	if option(t, ours, unix.IPPROTO_TCP, unix.TCP_NODELAY) == 0 {
		t.Error("on: still delayed")
	}
	must(t, SetNoDelay(ours, false))
	if option(t, ours, unix.IPPROTO_TCP, unix.TCP_NODELAY) != 0 {
		t.Error("off: not delayed")
	}
}

func TestSetNoDelay_leaves_unix_sockets_alone(t *testing.T) {
	ours, _ := pair(t)
	must(t, SetNoDelay(ours, true))
}

func TestSetLinger(t *testing.T) {
	closed := func(t *testing.T, seconds ...int) error {
		ours, theirs := tcpPair(t)
		for _, s := range seconds {
			must(t, SetLinger(theirs, s))
		}
		must(t, Close(theirs))
		var err error
		soon(func() bool {
			_, err = Read(ours, make([]byte, 1))
			return err != ErrWouldBlock
		})
		return err
	}
	if err := closed(t, 0); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("0 s: peer read %v, want a reset", err)
	}
	if err := closed(t, 0, -1); err != io.EOF {
		t.Errorf("default restored: peer read %v, want io.EOF", err)
	}
}

func TestSetBuffers(t *testing.T) {
	ours, _ := pair(t)
	for _, size := range []int{16 << 10, 64 << 10} {
		must(t, SetSendBuffer(ours, size))
		must(t, SetRecvBuffer(ours, size))
		if got := option(t, ours, unix.SOL_SOCKET, unix.SO_SNDBUF); got < size || got > 2*size {
			t.Errorf("send buffer of %d, want about %d", got, size)
		}
		if got := option(t, ours, unix.SOL_SOCKET, unix.SO_RCVBUF); got < size || got > 2*size {
			t.Errorf("receive buffer of %d, want about %d", got, size)
		}
	}
}

func TestSetNonblock(t *testing.T) {
	ours, _ := pair(t)
	must(t, SetNonblock(ours, false))
	if flags, err := unix.FcntlInt(uintptr(ours), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("off: flags %#x, %v", flags, err)
	}
	must(t, SetNonblock(ours, true))
	if _, err := Read(ours, make([]byte, 1)); err != ErrWouldBlock {
		t.Errorf("on: read %v", err)
	}
}

func TestCloseWrite_ends_writing(t *testing.T) {
	ours, theirs := tcpPair(t)
	must(t, CloseWrite(ours))
	if _, err := Write(ours, []byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write after CloseWrite: %v, want EPIPE", err)
	}
	unix.Close(theirs)
}
