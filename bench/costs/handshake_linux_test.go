package costs

import (
	"testing"

	"github.com/framerail/framerail/bench/internal/load"
)

// TestSystemCallsForAConnection counts them from the accept to the close, with the opening handshake and both
// Close frames in between. The client resets the connection at its end.
func TestSystemCallsForAConnection(t *testing.T) {
	bars := map[string]bar{
		"accept": {1, 1.05}, // one more finds that nobody waits
		"close":  {1, 0.1}, "receive": {2, 0.1}, "send": {2, 0.1}, "change": {2, 0.1},
		"option": {2, 0.1}, // for the connection, and for what the peer may leave unread at the end
		"ioctl":  {1, 0.1}, // is anything unread?
	}
	checkCalls(t, "connection", load.Options{Kind: load.Handshake, Conns: 4}, bars)
}
