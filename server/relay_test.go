package server

import (
	"io"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/test/allocs"
)

// What is relayed costs no allocation, however many goroutines carry it.
func TestRelay_DoesNotAllocateForMessages(t *testing.T) {
	s := &Server{OnMessage: echo}
	p := serveWebOn(t, s, upgrades(s, nil), listenOddly).dial(t)
	sent, got := []byte(masked(frame.Text, true, "hello")), make([]byte, 2+len("hello"))
	n := allocs.PerRun(500, func() {
		if _, err := p.Write(sent); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(p.r, got); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 && !guard.Checking { // the race detector has pools lose what they hold
		t.Errorf("%v allocations for each message", n)
	}
}
