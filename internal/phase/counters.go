package phase

import (
	"sync/atomic"

	"github.com/framerail/framerail/internal/secure"
)

// Counters are what a table counts besides what its loop does. From any goroutine.
type Counters struct {
	Accepted, HandedOver           atomic.Uint64
	TLSDone, TLSResumed, TLSWaited atomic.Uint64
	ChecksWaited                   atomic.Uint64
}

// tlsIsDone counts a TLS handshake that is done.
func (c *Counters) tlsIsDone(below *secure.Transport) {
	c.TLSDone.Add(1)
	if state, _ := below.ConnectionState(); state.DidResume {
		c.TLSResumed.Add(1)
	}
}
