package race_test

import (
	"testing"

	"github.com/framerail/framerail/internal/race"
)

// The tests of mask and frame show that the race detector is told.
func TestNothingAndNilAreFine(t *testing.T) {
	for _, b := range [][]byte{nil, {}, make([]byte, 100)} {
		race.Read(b)
		race.Write(b)
	}
}
