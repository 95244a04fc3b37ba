//go:build (amd64 || arm64) && !purego && !asan && !msan

package frame

// hasVector is whether this machine can use vectors.
var hasVector = vector

func setVector(on bool) { vector = on }
