//go:build !purego && !asan && !msan

package mask

import "golang.org/x/sys/cpu"

// vector is whether xorVector is used. It needs AVX2, and a system that saves the registers.
var vector = cpu.X86.HasAVX2
