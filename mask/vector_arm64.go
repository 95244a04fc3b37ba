//go:build !purego && !asan && !msan

package mask

import "golang.org/x/sys/cpu"

// vector is whether xorVector is used. It needs NEON, which x/sys calls ASIMD.
var vector = cpu.ARM64.HasASIMD
