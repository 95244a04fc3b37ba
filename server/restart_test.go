//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/loopback"
)

func init() { parts["nothing"] = func() int { return 0 } }

// inherit makes a listener of a file as another process would.
func inherit(t *testing.T, f *os.File) net.Listener {
	t.Helper()
	ln, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	return ln
}

// While one server ends, the next accepts from the same socket, and nobody is
// refused. What the first has accepted stays with it to the end.
func TestListenerFiles_NextServerTakesOver(t *testing.T) {
	onlyNative(t, "listeners show no file")
	for _, addr := range []string{loopback.Own(), "unix:" + filepath.Join(t.TempDir(), "s")} {
		t.Run(addr[:4], func(t *testing.T) {
			first := start(t, &Server{Addr: addr, OnMessage: echo})
			at := first.ListenAddr()
			old := dial(t, first)
			for range 3 { // one generation after the other
				files, err := first.ListenerFiles()
				if err != nil || len(files) != 1 {
					t.Fatalf("%d files, %v", len(files), err)
				}
				next := &Server{OnMessage: echo}
				prepare(next)
				ln := inherit(t, files[0])
				served := make(chan error, 1)
				go func() { served <- next.Serve(ln) }()
				eventually(t, "the next server", func() bool { return next.ListenAddr() != nil })
				done := make(chan error, 1)
				go func() { done <- drain(first, context.Background()) }()
				old.expectClose(frame.GoingAway)
				fresh := dialAddr(t, at.Network(), at.String())
				fresh.handshake()
				fresh.alive()
				old.close(frame.GoingAway, "")
				old.expectEOF()
				if err := receive(t, done); err != nil {
					t.Error(err)
				}
				first, old = next, fresh
			}
			if err := first.Close(); err != nil {
				t.Error(err)
			}
			if c, err := net.Dial(at.Network(), at.String()); err == nil {
				c.Close()
				t.Error("the last one still accepts")
			}
		})
	}
}

// A process that is started with the files does not make the server's accept block,
// which would hold up all of the program.
func TestListenerFiles_StayNonBlockingInAnotherProcess(t *testing.T) {
	onlyNative(t, "listeners show no file")
	s := start(t, &Server{OnMessage: echo})
	files, err := s.ListenerFiles()
	if err != nil {
		t.Fatal(err)
	}
	defer files[0].Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), partEnv+"=nothing")
	cmd.ExtraFiles = files
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	flags := 0
	raw, err := files[0].SyscallConn() // whose flags are the listener's
	if err != nil {
		t.Fatal(err)
	}
	control := func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }
	if failed := raw.Control(control); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	if flags&unix.O_NONBLOCK == 0 {
		t.Error("the listener blocks")
	}
	dial(t, s).alive()
}

func TestListenerFiles_OrderAndErrors(t *testing.T) {
	onlyNative(t, "listeners show no file")
	s := &Server{}
	prepare(s)
	if files, err := s.ListenerFiles(); len(files) != 0 || err != nil {
		t.Errorf("before it listens: %v, %v", files, err)
	}
	var want []string
	for range 3 {
		ln := listenLocal(t)
		want = append(want, ln.Addr().String())
		go func() { _ = s.Serve(ln) }()
		eventually(t, "the listener", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.acceptors) == len(want) })
	}
	files, err := s.ListenerFiles()
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		ln := inherit(t, f)
		if got := ln.Addr().String(); got != want[i] {
			t.Errorf("file %d is of %s, want %s", i, got, want[i])
		}
		_ = ln.Close()
	}
	go func() { _ = s.Serve(&counting{TCPListener: listenLocal(t).(*net.TCPListener)}) }()
	eventually(t, "the listener", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.acceptors) == 4 })
	before := countDescriptors()
	if files, err := s.ListenerFiles(); !errors.Is(err, errors.ErrUnsupported) || files != nil {
		t.Errorf("a listener of another package: %v, %v", files, err)
	}
	noMoreDescriptors(t, before)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.ListenerFiles(); err != ErrServerClosed {
		t.Errorf("afterwards %v, want ErrServerClosed", err)
	}
	expectNothingHeld(t, s)
}

// The path of a unix socket is removed with the server, unless another may be
// reached there.
func TestListenerFiles_LeaveThePath(t *testing.T) {
	onlyNative(t, "listeners show no file")
	for _, handed := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "s")
		s := start(t, &Server{Addr: "unix:" + path})
		if handed {
			files, err := s.ListenerFiles()
			if err != nil {
				t.Fatal(err)
			}
			defer files[0].Close()
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := drain(s, ctx); err != nil {
			t.Error(err)
		}
		cancel()
		if _, err := os.Stat(path); (err == nil) != handed {
			t.Errorf("handed over %v: %v", handed, err)
		}
	}
}
