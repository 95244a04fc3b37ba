//go:build race

package race

import (
	"runtime"
	"unsafe"
)

// Read says that b is read here.
func Read(b []byte) { runtime.RaceReadRange(unsafe.Pointer(unsafe.SliceData(b)), len(b)) }

// Write says that b is written here.
func Write(b []byte) { runtime.RaceWriteRange(unsafe.Pointer(unsafe.SliceData(b)), len(b)) }
