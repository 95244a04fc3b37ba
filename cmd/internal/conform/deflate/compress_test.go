package deflate

import (
	"bytes"
	"errors"
	"testing"
)

// Each window and takeover: what is compressed comes out of an inflater that has
// agreed to the same, in many messages.
func TestCompressor_keeps_to_what_was_agreed(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		for _, takeover := range []bool{false, true} {
			c, f := NewCompressor(bits, takeover), NewInflater(bits, takeover)
			for i, n := range []int{0, 1, 300, 20000, 100_000, 7, 0, 50_000, 50_000} {
				want := mixture(uint64(i%7), n)
				got, err := f.Message(c.Message(want), n)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%d bits, takeover %v, %d bytes: %d bytes, %v", bits, takeover, n, len(got), err)
				}
			}
		}
	}
}

// An inflater with a smaller window notices a compressor that ignores it: here, one
// with the next larger window is enough.
func TestInflater_catches_a_window_too_large(t *testing.T) {
	for bits := 8; bits < 15; bits++ {
		f := NewInflater(bits, true)
		c := NewCompressor(bits+1, true)
		var distance *DistanceError
		for i := range 20 {
			_, err := f.Message(c.Message(mixture(uint64(i), 20000)), plenty)
			if errors.As(err, &distance) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if distance == nil || distance.Distance <= 1<<bits {
			t.Errorf("%d bits: %v", bits, distance)
		}
	}
}

func TestInflater_catches_takeover_that_was_not_agreed(t *testing.T) {
	c, f := NewCompressor(15, true), NewInflater(15, false)
	message := mixture(1, 1000)
	if _, err := f.Message(c.Message(message), plenty); err != nil {
		t.Fatal(err)
	}
	var distance *DistanceError
	if _, err := f.Message(c.Message(message), plenty); !errors.As(err, &distance) {
		t.Errorf("%v, want a DistanceError", err)
	}
}
