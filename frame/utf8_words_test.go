//go:build (!amd64 && !arm64) || purego || asan || msan

package frame

const hasVector = false

func setVector(bool) {}
