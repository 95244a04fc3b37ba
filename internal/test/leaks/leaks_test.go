package leaks

import (
	"os"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/buffer"
)

func TestMain(m *testing.M) { Main(m) }

// The check sees a goroutine, a descriptor and, where pools count, a buffer that is left.
func TestComesBack_NotWhileSomethingIsLeft(t *testing.T) {
	before := now()
	stop := make(chan struct{})
	var pool buffer.Pool
	for name, leave := range map[string]func() (end func()){
		"goroutine": func() func() {
			go func() { <-stop }()
			return func() { close(stop) }
		},
		"descriptor": func() func() {
			f, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			return func() { f.Close() }
		},
		"buffer": func() func() { return pool.Get(1).Release },
	} {
		if name == "descriptor" && descriptors() == 0 || name == "buffer" && !buffer.Counting {
			continue
		}
		end := leave()
		if after, same := before.comesBack(50 * time.Millisecond); same {
			t.Errorf("a %s is left, and was not seen: %v before, %v after", name, before, after)
		}
		end()
		if after, same := before.comesBack(patience); !same {
			t.Errorf("without the %s: %v before, %v after", name, before, after)
		}
	}
}
