//go:build linux && !amd64

package costs

var waits []uint64
