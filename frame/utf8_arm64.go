//go:build !purego && !asan && !msan

package frame

import "golang.org/x/sys/cpu"

// vector is whether utf8Vector is used. It asks for NEON, which x/sys calls ASIMD.
var vector = cpu.ARM64.HasASIMD
