package loop

import (
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
