package mask

import "testing"

// eachPath runs a test with words, and with vectors if there are any here.
func eachPath(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	defer setVector(hasVector)
	setVector(false)
	t.Run("words", test)
	if hasVector {
		setVector(true)
		t.Run("vectors", test)
	}
}
