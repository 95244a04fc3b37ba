package report

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// Count is a number with its thousands apart.
func Count(n int64) string { return humanize.Comma(n) }

// Bytes is a size in a unit that suits it.
func Bytes(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// Duration is a time with three digits.
func Duration(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		if d >= unit.size {
			x := float64(d) / float64(unit.size)
			digits := max(0, 2-len(strconv.Itoa(int(x)))+1)
			return strconv.FormatFloat(x, 'f', digits, 64) + unit.name
		}
	}
	return fmt.Sprintf("%dns", d)
}
