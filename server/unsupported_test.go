//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package server

import (
	"errors"
	"net"
	"strings"
	"testing"
)

// Where there is no event loop a program compiles, and is told so before a port is
// bound: by every way to serve, with the systems that have one.
func TestUnsupported(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: ln.Addr().String()} // which is taken
	for how, run := range map[string]func() error{
		"Start": s.Start, "ListenAndServe": s.ListenAndServe, "Serve": func() error { return s.Serve(ln) },
	} {
		err := run()
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "linux") || !strings.Contains(err.Error(), "darwin") {
			t.Errorf("%s: %v", how, err)
		}
	}
	if s.ListenAddr() != nil {
		t.Errorf("listening on %v", s.ListenAddr())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
