package topics

import (
	"errors"
	"strings"
	"testing"
)

// A value that would not fit into a message of the broker is refused, and no packet of a census is longer than that.
func TestPresence_OfAValueThatIsTooLong(t *testing.T) {
	if _, err := textOf(strings.Repeat("x", maxPresence)); err != nil {
		t.Error(err)
	}
	for _, value := range []any{strings.Repeat("x", maxPresence+1), make([]byte, maxPresence+1)} {
		if _, err := textOf(value); !errors.Is(err, ErrPresence) {
			t.Errorf("%T: %v, want %v", value, err, ErrPresence)
		}
	}
	values := make([]string, 100_000) // empty ones take room too
	values = append(values, strings.Repeat("x", maxPresence), strings.Repeat("x", maxPresence))
	for _, part := range censusParts(values) {
		size := 0
		for _, v := range part {
			size += 3 + len(v)
		}
		if size > maxCensusPart {
			t.Errorf("a part has %d bytes", size)
		}
	}
}
