// Package port has ports for programs that must be told theirs before they listen.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// The ports that are given are from first on, and below those that the kernel gives to whoever asks for any. The kernel
// would give one of its own again as soon as nothing listens there, to any program.
const (
	first = 10_000
	few   = 1000 // not worth to choose from
)

var (
	mu    sync.Mutex
	given = map[int]bool{} // guarded by mu
)

// Free is the address of a loopback port on which nothing listens, and which this process has not been given before. A program
// may listen there later, and again after it has ended. Safe from any goroutine.
func Free(t testing.TB) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	end := kernels()
	for range 1000 {
		asked := 0
		if end >= first+few {
			asked = first + rand.IntN(end-first)
		}
		ln, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", asked))
		if err != nil {
			continue
		}
		addr := ln.Addr().(*net.TCPAddr)
		_ = ln.Close()
		if !given[addr.Port] {
			given[addr.Port] = true
			return addr.String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// kernels is the first of the ports that the kernel gives: that of Linux, unless the system says otherwise.
func kernels() int {
	end := 32_768
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(strings.TrimSpace(string(text)), &end)
	}
	return end
}
