//go:build (amd64 || arm64) && !purego && !asan && !msan

package mask

import (
	"runtime"
	"testing"

	"github.com/framerail/framerail/internal/test/missing"
)

// hasVector is whether this machine can use vectors.
var hasVector = vector

func setVector(on bool) { vector = on }

// Where vectors are promised, no test leaves them out in silence: each arm64 has NEON, and CI runs on machines with AVX2.
func TestVectors_AreTested(t *testing.T) {
	switch {
	case hasVector:
	case runtime.GOARCH == "arm64":
		t.Error("no NEON")
	default:
		missing.End(t, "no AVX2")
	}
}
