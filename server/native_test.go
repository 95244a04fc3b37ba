package server

import (
	"math"
	"testing"

	"github.com/framerail/framerail/internal/platform"
)

// mostDescriptors is how many descriptors the process may have.
func mostDescriptors() int {
	if n, ok := (platform.Real{}).Sockets().Limit(); ok {
		return n
	}
	return math.MaxInt
}

// needsDescriptors skips a test where the process may not have so many.
func needsDescriptors(t testing.TB, n int) {
	t.Helper()
	if most := mostDescriptors(); most < n {
		t.Skipf("%d descriptors are not enough", most)
	}
}

// onlyNative skips a test about descriptors where connections are relayed.
func onlyNative(t testing.TB, why string) {
	t.Helper()
	if !platform.Native {
		t.Skip("connections are relayed: " + why)
	}
}
