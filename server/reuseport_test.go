//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server

import (
	"runtime"
	"testing"
)

// Several sockets on one port, each with its acceptor, are one server.
func TestListenReusePort(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	lns, err := ListenReusePort("127.0.0.1:0", 3)
	if err != nil || len(lns) != 3 {
		t.Fatalf("%d listeners, %v", len(lns), err)
	}
	served := make(chan error, len(lns))
	for _, ln := range lns {
		if ln.Addr().String() != lns[0].Addr().String() {
			t.Errorf("%v and %v", ln.Addr(), lns[0].Addr())
		}
		go func() { served <- s.Serve(ln) }()
	}
	for range 20 {
		p := dialAddr(t, "tcp", lns[0].Addr().String())
		p.handshake()
		p.alive()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range lns {
		if err := receive(t, served); err != ErrServerClosed {
			t.Errorf("got %v, want ErrServerClosed", err)
		}
	}
}

// Where the kernel shares connections out, each socket gets some.
func TestListenReusePort_Balances(t *testing.T) {
	switch runtime.GOOS {
	case "linux", "freebsd", "dragonfly":
	default:
		t.Skip("one socket gets all here")
	}
	lns, err := ListenReusePort("127.0.0.1:0", 2)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 1)
	for i, ln := range lns {
		defer ln.Close()
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				c.Close()
				got <- i
			}
		}()
	}
	// By chance alone, one of two gets none of 64 in two of 2^64 cases.
	var each [2]int
	for range 64 {
		dialAddr(t, "tcp", lns[0].Addr().String()).Close()
		each[receive(t, got)]++
	}
	if each[0] == 0 || each[1] == 0 {
		t.Errorf("shared out as %v", each)
	}
}

func TestListenReusePort_Fails(t *testing.T) {
	alone := listenLocal(t) // without the option
	defer alone.Close()
	before := countDescriptors()
	for _, test := range []struct {
		address string
		n       int
	}{{"127.0.0.1:0", 0}, {"127.0.0.1:0", -1}, {alone.Addr().String(), 2}, {"nowhere", 2}} {
		if lns, err := ListenReusePort(test.address, test.n); err == nil || lns != nil {
			t.Errorf("%d sockets at %s: %v, %v", test.n, test.address, lns, err)
		}
	}
	noMoreDescriptors(t, before)
}
