//go:build (amd64 || arm64) && !purego && !asan && !msan

package mask

import (
	"os"
	"runtime"
	"testing"
)

// hasVector is whether this machine can use vectors.
var hasVector = vector

func setVector(on bool) { vector = on }

// Where vectors are promised, no test leaves them out in silence: each arm64 has NEON, and CI runs on machines with AVX2.
func TestVectors_AreTested(t *testing.T) {
	if !hasVector && (runtime.GOARCH == "arm64" || os.Getenv("CI") != "") {
		t.Error("this machine has no vectors, and so tests half")
	}
}
