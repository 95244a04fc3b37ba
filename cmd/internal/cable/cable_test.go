package cable

import (
	"io"
	"net"
	"testing"

	"github.com/framerail/framerail/internal/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

func TestCable_IsCutAndMended(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() { // an echo
		for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
			go func() { _, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}); _ = c.Close() }()
		}
	}()
	cable := Start(t, ln.Addr().String())
	dial := func() net.Conn {
		c, err := net.Dial("tcp", cable.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	echoes := func(c net.Conn) bool {
		b := []byte("x")
		if _, err := c.Write(b); err != nil {
			return false
		}
		_, err := io.ReadFull(c, b)
		return err == nil
	}
	first := dial()
	if !echoes(first) {
		t.Error("nothing comes through")
	}
	cable.Cut()
	if echoes(first) || echoes(dial()) {
		t.Error("something comes through a cable that is cut")
	}
	cable.Mend()
	if echoes(first) || !echoes(dial()) {
		t.Error("it is not mended for new connections alone")
	}
	cable.Lead("127.0.0.1:1")
	if echoes(dial()) {
		t.Error("it leads where it led before")
	}
	cable.Lead(ln.Addr().String())
	last := dial()
	cable.Swallow()
	if _, err := last.Write([]byte("lost")); err != nil {
		t.Error(err)
	}
	cable.AwaitSwallowed(t)
	cable.Mend()
	if !echoes(last) {
		t.Error("a connection whose bytes were swallowed does not go on")
	}
}
