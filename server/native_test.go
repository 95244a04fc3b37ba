package server

import (
	"testing"

	"github.com/framerail/framerail/internal/platform"
)

// onlyNative skips a test about descriptors where connections are relayed.
func onlyNative(t testing.TB, why string) {
	t.Helper()
	if !platform.Native {
		t.Skip("connections are relayed: " + why)
	}
}
