package session

import (
	"fmt"

	"github.com/framerail/framerail/frame"
)

// CloseInfo is how a connection ended, given to the close callback.
type CloseInfo struct {
	// By is the side that began to close.
	By Side
	// Sent is the close code this side sent; NoStatusReceived for a Close frame
	// without one, 0 if none was sent.
	Sent frame.CloseCode
	// Received is the close code the peer sent: NoStatusReceived for a Close frame
	// without one, AbnormalClosure if no Close frame came (RFC 6455 7.1.5).
	Received frame.CloseCode
	// Reason is the text beside Received or, if this side closed, the text it sent.
	Reason string
	// Err is what went wrong: a *frame.Error for the peer's fault, an *OpError for
	// the network's, or one of this package's errors; nil after a closing
	// handshake that both sides finished.
	Err error
	// Unsent is how many bytes of frames were still pending, and are lost.
	Unsent int
	// Dropped is how many messages the overflow policy dropped; see [Overflow].
	Dropped int64
}

// Side is the side that closed a connection.
type Side uint8

const (
	// Nobody: the stream broke, or the peer vanished, without a Close frame.
	Nobody Side = iota
	// Local: this side sent its Close frame first, or cut the connection.
	Local
	// Peer: the peer sent its Close frame first.
	Peer
)

// String is "nobody", "local" or "peer".
func (s Side) String() string {
	switch s {
	case Local:
		return "local"
	case Peer:
		return "peer"
	}
	return "nobody"
}

// Clean tells whether both sides finished the closing handshake (RFC 6455 7.1.4).
func (i CloseInfo) Clean() bool { return i.Err == nil }

// String tells all of it in one line, for logs.
func (i CloseInfo) String() string {
	s := fmt.Sprintf("closed by %v, sent %v, received %v", i.By, i.Sent, i.Received)
	if i.Reason != "" {
		s += fmt.Sprintf(", reason %q", i.Reason)
	}
	if i.Unsent > 0 {
		s += fmt.Sprintf(", %d bytes unsent", i.Unsent)
	}
	if i.Dropped > 0 {
		s += fmt.Sprintf(", %d messages dropped", i.Dropped)
	}
	if i.Err != nil {
		s += ": " + i.Err.Error()
	}
	return s
}

// CloseInfo is how the connection ended; false before it is closed.
func (c *closing) CloseInfo() (CloseInfo, bool) {
	if c.State() != Closed {
		return CloseInfo{}, false
	}
	return c.closeInfo(), true
}

func (c *closing) closeInfo() CloseInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extras != nil && c.extras.drops != nil {
		c.end.info.Dropped = c.extras.drops.messages
	}
	return c.end.info
}
