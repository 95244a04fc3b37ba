package memory

import (
	"bytes"
	"math"
	"os"
	"runtime/debug"
	"strconv"
)

// Usable is how many bytes the program may use: the limit of GOMEMLIMIT or debug.SetMemoryLimit, or else
// its container's limit, or else the machine's memory.
func Usable() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	least := installed()
	for _, file := range [...]string{
		"/sys/fs/cgroup/memory.max",                   // version 2, as seen from within a container
		"/sys/fs/cgroup/memory/memory.limit_in_bytes", // version 1
	} {
		if n, ok := readLimit(file); ok {
			least = min(least, n)
		}
	}
	return least
}

// readLimit reads a file that holds a number, or a word for none.
func readLimit(file string) (n int64, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil && n > 0
}
