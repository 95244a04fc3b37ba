//go:build !unix

package load

import "time"

// ownCPU is not known on systems where there is no event loop either.
func ownCPU() time.Duration { return 0 }
