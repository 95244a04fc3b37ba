package nethttp

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

func TestHandover_TakesNoMoreThanItGivesBack(t *testing.T) {
	ho := &backlog{conns: make(chan net.Conn, 1)}
	var count atomic.Uint64
	waiting, there := net.Pipe()
	if !ho.Offer(waiting, &count) {
		t.Error("took none")
	}
	if ho.Offer(waiting, &count) {
		t.Error("took one for which there was no room")
	}
	for range 2 {
		if err := ho.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := there.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("what waited was left open: %v", err)
	}
	if ho.Offer(waiting, &count) {
		t.Error("took one when it was closed")
	}
	if _, err := ho.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept when closed: %v", err)
	}
	if n := count.Load(); n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
}

// Once the http.Server accepts a connection, its client may be answered at once. Stats must count it
// before that.
func TestHandover_CountsBeforeAnyoneIsAnswered(t *testing.T) {
	ho := &backlog{conns: make(chan net.Conn, 1)}
	defer ho.Close()
	var count atomic.Uint64
	counted := make(chan uint64, 1)
	go func() {
		for {
			if _, err := ho.Accept(); err != nil {
				return
			}
			counted <- count.Load()
		}
	}()
	for want := range uint64(20_000) {
		if !ho.Offer(nil, &count) {
			t.Fatal("took none")
		}
		if n := <-counted; n != want+1 {
			t.Fatalf("counted %d when it was accepted, want %d", n, want+1)
		}
	}
}
