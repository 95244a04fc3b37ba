package server

import (
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/guard"
)

// All that a server allocates for a connection that it accepts is the connection itself.
func TestAccept_AllocatesTheConnectionAlone(t *testing.T) {
	onlyNative(t, "package net allocates them")
	if raceEnabled || guard.Checking {
		t.Skip("checks allocate, and the race detector makes sync.Pool forget")
	}
	const some = 250
	s := start(t, &Server{Loops: 1, Limits: Limits{MaxConnectionsPerAddress: -1, HandshakeTimeout: time.Minute}})
	to := &syscall.SockaddrInet4{Port: int(netip.MustParseAddrPort(s.ListenAddr().String()).Port()), Addr: [4]byte{127, 0, 0, 1}}
	fds := make([]int, 0, some)
	end := func() {
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
		fds = fds[:0]
	}
	defer end()
	batch := func() uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range some {
			fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			if err == nil {
				err = syscall.Connect(fd, to)
			}
			if err != nil {
				t.Fatal(err)
			}
			fds = append(fds, fd)
		}
		eventually(t, "the connections", func() bool { return load(s) == some })
		runtime.ReadMemStats(&after)
		end()
		eventually(t, "their end", func() bool { return load(s) == 0 })
		return after.Mallocs - before.Mallocs
	}
	batch()
	// Other goroutines of the process allocate too: they can only add to a batch.
	least := batch()
	for range 4 {
		least = min(least, batch())
	}
	if n := float64(least) / some; n >= 1.5 {
		t.Errorf("%.2f allocations for each connection", n)
	}
}
