//go:build linux && !race

package socket

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/internal/test/allocs"
)

func TestTraffic_does_not_allocate(t *testing.T) {
	ours, theirs := pair(t)
	ended, ender := pair(t)
	must(t, CloseWrite(ender))
	full, _ := pair(t)
	data, buf := make([]byte, 1024), make([]byte, 1<<16)
	fill(t, func() (int, error) { return Write(full, buf) })
	bufs := make([][]byte, MaxBuffers+1)
	for i := range bufs {
		bufs[i] = data[i : i+5]
	}
	for name, f := range map[string]func() error{
		"Read_and_Write":     func() error { Write(ours, data); _, err := Read(theirs, buf); return err },
		"Read_and_Writev":    func() error { Writev(ours, bufs); _, err := Read(theirs, buf); return err },
		"Read_would_block":   func() error { _, err := Read(ours, buf); return not(err, ErrWouldBlock) },
		"Read_at_the_end":    func() error { Read(ended, buf); return nil },
		"Write_would_block":  func() error { _, err := Write(full, data); return not(err, ErrWouldBlock) },
		"Writev_would_block": func() error { _, err := Writev(full, bufs); return not(err, ErrWouldBlock) },
	} {
		if n := allocs.PerRun(100, func() { must(t, f()) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// not is nil for the error that was expected.
func not(err, want error) error {
	if err == want {
		return nil
	}
	return unix.EIO
}

func TestAccept_does_not_allocate_for_ipv4(t *testing.T) {
	listener, at := listen(t, loopback())
	const runs = 9 // and one to warm up; a listener may have to hold all batches of them
	var clients, accepted [allocs.Batches * (runs + 1)]int
	for i := range clients {
		clients[i] = dial(t, at)
	}
	next := 0
	accept := func() {
		fd, _, err := Accept(listener)
		if err != nil {
			t.Error(err)
		}
		accepted[next] = fd
		next++
	}
	if n := allocs.PerRun(runs, accept); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for next < len(accepted) {
		accept()
	}
	if n := allocs.PerRun(100, func() { Accept(listener) }); n != 0 {
		t.Errorf("nobody there: %v allocations", n)
	}
	for i := range clients {
		unix.Close(clients[i])
		unix.Close(accepted[i])
	}
}
