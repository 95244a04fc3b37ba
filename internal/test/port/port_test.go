package port

import (
	"net"
	"testing"
)

func TestFree_EachOnceAndNoneOfTheKernels(t *testing.T) {
	end, seen := kernels(), map[string]bool{}
	for range 100 {
		addr := Free(t)
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if port := ln.Addr().(*net.TCPAddr).Port; seen[addr] || end >= first+few && (port < first || port >= end) {
			t.Errorf("%s, where the kernel gives those from %d on", addr, end)
		}
		seen[addr] = true
		_ = ln.Close()
	}
}
