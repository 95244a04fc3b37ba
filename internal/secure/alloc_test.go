package secure

import (
	"testing"

	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/test/allocs"
)

// Of an echo crypto/tls allocates the reader by which it waits for a record, and nothing
// else; this package adds nothing to it.
func TestEchoAllocatesOnceForARecord(t *testing.T) {
	if raceEnabled || guard.Checking {
		t.Skip("the race detector makes sync.Pool forget at random, and checks of locks allocate")
	}
	versions(t, func(t *testing.T, version uint16) {
		p := newPair(t, version, 0)
		const runs = 100
		var sealed [][]byte
		for range allocs.Batches*(runs+1) + 1 {
			p.link.up = nil
			if _, err := p.client.Write(make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			sealed = append(sealed, p.link.up)
		}
		p.link.down = make([]byte, 0, 64<<10)
		buf, vec := make([]byte, 64<<10), make([][]byte, 1)
		once := func() {
			p.link.up, sealed = sealed[0], sealed[1:]
			n, err := p.Read(buf)
			if n != 1000 || err != nil {
				t.Fatal(n, err)
			}
			vec[0] = buf[:n]
			if n, err := p.Write(vec); n != 1000 || err != nil {
				t.Fatal(n, err)
			}
			p.link.down = p.link.down[:0]
		}
		once() // buffers that are made once
		if n := allocs.PerRun(runs, once); n > 1 {
			t.Errorf("%v allocations", n)
		}
	})
}
