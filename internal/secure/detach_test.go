package secure

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/framerail/framerail/internal/buffer"
)

// Of finds what Under has made, until a loop has it, and nothing else.
func TestOf_FindsWhatCanBeAttached(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if Of(tls.Server(a, nil)) != nil {
		t.Error("found what crypto/tls was put on without Under")
	}
	under := Under(a)
	if Bare(under) != a || Bare(b) != b {
		t.Error("Bare gives something else")
	}
	over := tls.Server(under, nil)
	found := Of(over)
	if found == nil || found.Detached() != a {
		t.Fatalf("found %v", found)
	}
	found.Attach(newLink(0), new(buffer.Pool))
	if Of(over) != nil {
		t.Error("found what a loop has")
	}
}
