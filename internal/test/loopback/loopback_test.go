package loopback

import (
	"net"
	"testing"
)

// One can listen there, and nobody is reached there any more once the listener is closed.
func TestOwn_IsFreeOnceItIsClosed(t *testing.T) {
	ln, err := net.Listen("tcp", Own())
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_ = ln.Close()
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Errorf("%s is reached", addr)
	}
}
