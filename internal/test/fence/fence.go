//go:build unix

package fence

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Memory returns size bytes or more, whole pages of them. The test that touches a byte before
// or behind them crashes. They are given back when it ends.
func Memory(t testing.TB, size int) []byte {
	t.Helper()
	page := os.Getpagesize()
	inside := (size + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, page+inside+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatalf("mmap: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(all); err != nil {
			t.Errorf("munmap: %v", err)
		}
	})
	for _, outside := range [][]byte{all[:page], all[page+inside:]} {
		if err := unix.Mprotect(outside, unix.PROT_NONE); err != nil {
			t.Fatalf("mprotect: %v", err)
		}
	}
	return all[page : page+inside : page+inside]
}
