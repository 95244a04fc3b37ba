//go:build unix

package fence_test

import (
	"os"
	"runtime/debug"
	"testing"
	"unsafe"

	"github.com/framerail/framerail/internal/test/fence"
)

func TestMemory_OnlyItsOwnBytesMayBeTouched(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	page := os.Getpagesize()
	for _, size := range []int{1, page, page + 1} {
		b := fence.Memory(t, size)
		if len(b) < size || len(b)%page != 0 || cap(b) != len(b) {
			t.Fatalf("asked for %d bytes: length %d, capacity %d", size, len(b), cap(b))
		}
		for i := range b {
			b[i]++
		}
		first := unsafe.Pointer(&b[0])
		if !faults((*byte)(unsafe.Add(first, -1))) || !faults((*byte)(unsafe.Add(first, len(b)))) {
			t.Errorf("%d bytes: a byte beside them can be read", size)
		}
	}
}

var read byte

func faults(at *byte) (fault bool) {
	defer func() { fault = recover() != nil }()
	read = *at
	return false
}
