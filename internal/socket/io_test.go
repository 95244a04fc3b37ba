//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRead(t *testing.T) {
	ours, theirs := pair(t)
	buf := make([]byte, 8)
	if n, err := Read(ours, buf); n != 0 || err != ErrWouldBlock {
		t.Fatalf("nothing there: %d, %v", n, err)
	}
	unix.Write(theirs, []byte("abc"))
	if n, err := Read(ours, nil); n != 0 || err != nil {
		t.Fatalf("into nothing: %d, %v", n, err)
	}
	if n, err := Read(ours, buf[:2]); string(buf[:n]) != "ab" || err != nil {
		t.Fatalf("the first two: %q, %v", buf[:n], err)
	}
	if n, err := Read(ours, buf); string(buf[:n]) != "c" || err != nil {
		t.Fatalf("the rest: %q, %v", buf[:n], err)
	}
	must(t, CloseWrite(theirs))
	for range 2 {
		if n, err := Read(ours, buf); n != 0 || err != io.EOF {
			t.Fatalf("after the peer's end: %d, %v", n, err)
		}
	}
	// Half-closed: the other direction still works.
	if n, err := Write(ours, []byte("x")); n != 1 || err != nil {
		t.Fatalf("towards a peer that has ended: %d, %v", n, err)
	}
}

func TestRead_from_a_reset_peer(t *testing.T) {
	ours, theirs := tcpPair(t)
	must(t, SetLinger(theirs, 0))
	must(t, Close(theirs))
	buf := make([]byte, 8)
	var err error
	soon(func() bool {
		_, err = Read(ours, buf)
		return err != ErrWouldBlock
	})
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("%v, want ECONNRESET", err)
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) || errno != syscall.ECONNRESET {
		t.Fatalf("errors.As finds %v, want ECONNRESET", errno)
	}
}

// The Go runtime raises SIGPIPE for standard output and error only. If that
// were not so, the test binary would die here.
func TestWrite_to_a_reset_peer_is_an_error_and_no_signal(t *testing.T) {
	for name, write := range map[string]func(fd int, b []byte) (int, error){
		"Write":  Write,
		"Writev": func(fd int, b []byte) (int, error) { return Writev(fd, [][]byte{b, b}) },
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			must(t, SetLinger(theirs, 0))
			must(t, Close(theirs))
			var err error
			soon(func() bool { // the first may come before the reset
				_, err = write(ours, []byte("x"))
				return err != nil && err != ErrWouldBlock
			})
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Fatalf("%v, want ECONNRESET or EPIPE", err)
			}
			if _, err = write(ours, []byte("x")); !errors.Is(err, syscall.EPIPE) {
				t.Fatalf("again: %v, want EPIPE", err)
			}
		})
	}
}

// fill writes until the socket takes no more.
func fill(t *testing.T, write func() (int, error)) (total int) {
	t.Helper()
	for {
		n, err := write()
		if err == ErrWouldBlock {
			if n != 0 {
				t.Fatalf("%d bytes and ErrWouldBlock", n)
			}
			return total
		}
		must(t, err)
		total += n
	}
}

// drain reads all there is.
func drain(t *testing.T, fd int) []byte {
	t.Helper()
	var all []byte
	buf := make([]byte, 1<<16)
	for {
		n, err := Read(fd, buf)
		if err == ErrWouldBlock || err == io.EOF {
			return all
		}
		must(t, err)
		all = append(all, buf[:n]...)
	}
}

func TestWrite_takes_what_fits(t *testing.T) {
	ours, theirs := pair(t)
	must(t, SetSendBuffer(ours, 8<<10))
	if n, err := Write(ours, nil); n != 0 || err != nil {
		t.Fatalf("nothing: %d, %v", n, err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	n, err := Write(ours, big)
	if n <= 0 || n >= len(big) || err != nil {
		t.Fatalf("%d of %d, %v: want a part and no error", n, len(big), err)
	}
	n += fill(t, func() (int, error) { return Write(ours, big[n:]) })
	if got := drain(t, theirs); !bytes.Equal(got, big[:len(got)]) || len(got) < n {
		t.Fatalf("peer read %d bytes, %d were taken, or they differ", len(got), n)
	}
}

func TestWritev(t *testing.T) {
	t.Run("joins_buffers_and_skips_empty_ones", func(t *testing.T) {
		ours, theirs := pair(t)
		n, err := Writev(ours, [][]byte{nil, []byte("ab"), {}, []byte("c"), nil, []byte("def")})
		if got := drain(t, theirs); n != 6 || err != nil || string(got) != "abcdef" {
			t.Fatalf("%d, %v; peer read %q", n, err, got)
		}
	})
	t.Run("of_nothing", func(t *testing.T) {
		ours, _ := pair(t)
		for _, bufs := range [][][]byte{nil, {}, {nil, {}}} {
			if n, err := Writev(ours, bufs); n != 0 || err != nil {
				t.Fatalf("%v: %d, %v", bufs, n, err)
			}
		}
	})
	t.Run("past_the_bound_is_a_partial_write", func(t *testing.T) {
		ours, theirs := pair(t)
		var bufs [][]byte
		var want []byte
		for i := range MaxBuffers + 10 {
			bufs = append(bufs, []byte{byte(i)})
			want = append(want, byte(i))
		}
		n, err := Writev(ours, bufs)
		if n != MaxBuffers || err != nil {
			t.Fatalf("%d, %v, want %d", n, err, MaxBuffers)
		}
		if n, err = Writev(ours, bufs[n:]); n != 10 || err != nil {
			t.Fatalf("the rest: %d, %v", n, err)
		}
		if got := drain(t, theirs); !bytes.Equal(got, want) {
			t.Fatalf("peer read % x", got)
		}
	})
	t.Run("takes_what_fits", func(t *testing.T) {
		ours, theirs := pair(t)
		must(t, SetSendBuffer(ours, 8<<10))
		whole := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		rest := [][]byte{whole[:10], whole[10:1000], whole[1000 : 1<<17], whole[1<<17:]}
		var got []byte
		for len(rest) > 0 {
			n, err := Writev(ours, rest)
			if err == ErrWouldBlock {
				got = append(got, drain(t, theirs)...)
				continue
			}
			must(t, err)
			for len(rest) > 0 && n >= len(rest[0]) {
				n -= len(rest[0])
				rest = rest[1:]
			}
			if n > 0 {
				rest[0] = rest[0][n:]
			}
		}
		if got = append(got, drain(t, theirs)...); !bytes.Equal(got, whole) {
			t.Fatalf("peer read %d bytes of %d, or they differ", len(got), len(whole))
		}
	})
	t.Run("leaves_its_argument_alone", func(t *testing.T) {
		ours, _ := pair(t)
		a, b := []byte("ab"), []byte("cd")
		bufs := [][]byte{a, b}
		if _, err := Writev(ours, bufs); err != nil {
			t.Fatal(err)
		}
		if &bufs[0][0] != &a[0] || len(bufs[0]) != 2 || &bufs[1][0] != &b[0] || len(bufs[1]) != 2 {
			t.Fatal("bufs changed")
		}
	})
}

func TestClosed_descriptors_are_errors(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	for _, fd := range fds {
		must(t, Close(fd))
	}
	fd, buf := fds[0], make([]byte, 1)
	for name, f := range map[string]func() error{
		"Read":          func() error { _, err := Read(fd, buf); return err },
		"Write":         func() error { _, err := Write(fd, buf); return err },
		"Writev":        func() error { _, err := Writev(fd, [][]byte{buf}); return err },
		"Accept":        func() error { _, _, err := Accept(fd); return err },
		"CloseWrite":    func() error { return CloseWrite(fd) },
		"Close":         func() error { return Close(fd) },
		"SetNoDelay":    func() error { return SetNoDelay(fd, true) },
		"SetLinger":     func() error { return SetLinger(fd, 0) },
		"SetNonblock":   func() error { return SetNonblock(fd, true) },
		"SetSendBuffer": func() error { return SetSendBuffer(fd, 4096) },
		"SetRecvBuffer": func() error { return SetRecvBuffer(fd, 4096) },
	} {
		if err := f(); !errors.Is(err, syscall.EBADF) {
			t.Errorf("%s: %v, want EBADF", name, err)
		}
	}
	if a := LocalAddr(fd); a.IsValid() {
		t.Errorf("LocalAddr: %v", a)
	}
	if a := RemoteAddr(fd); a.IsValid() {
		t.Errorf("RemoteAddr: %v", a)
	}
}

func BenchmarkWritev(b *testing.B) {
	for _, count := range []int{2, 64} {
		b.Run(fmt.Sprintf("buffers=%d", count), func(b *testing.B) {
			ours, theirs := pair(b)
			bufs := make([][]byte, count)
			for i := range bufs {
				bufs[i] = make([]byte, 20)
			}
			sink := make([]byte, 1<<16)
			b.SetBytes(int64(20 * count))
			b.ReportAllocs()
			for b.Loop() {
				Writev(ours, bufs)
				Read(theirs, sink)
			}
		})
	}
}
