//go:build (!amd64 && !arm64) || purego || asan || msan

package mask

const hasVector = false

func setVector(bool) {}
