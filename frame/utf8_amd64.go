//go:build !purego && !asan && !msan

package frame

import "golang.org/x/sys/cpu"

// vector is whether utf8Vector is used. It asks for AVX2, and for a system that keeps its
// registers.
var vector = cpu.X86.HasAVX2
