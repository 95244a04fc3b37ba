package gate

import (
	"fmt"
	"net"

	"github.com/framerail/framerail/internal/platform"
)

// ListenReusePort opens n sockets that listen on one TCP address. If one cannot be opened none is left.
func ListenReusePort(address string, n int) ([]net.Listener, error) {
	if n < 1 {
		return nil, fmt.Errorf("framerail: ListenReusePort of %d sockets", n)
	}
	if err := (platform.Real{}).Supported(); err != nil {
		return nil, fmt.Errorf("framerail: ListenReusePort: %w", err)
	}
	var lns []net.Listener
	for range n {
		ln, err := platform.ListenReusePort(address)
		if err != nil {
			for _, ln := range lns {
				_ = ln.Close()
			}
			return nil, err
		}
		lns = append(lns, ln)
		address = ln.Addr().String() // with the port that was picked
	}
	return lns, nil
}
