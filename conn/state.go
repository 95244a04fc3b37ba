package conn

import (
	"time"

	"github.com/framerail/framerail/internal/session"
)

// State is the state of a connection. A connection goes through the states in order, and may
// skip some.
type State uint8

const (
	// Connecting: the opening handshake is under way (RFC 6455 4).
	Connecting State = iota
	// Open: messages pass both ways.
	Open
	// Closing: a Close frame was sent or received, or the client's stream has ended. No more
	// messages can be sent (RFC 6455 7.1.3).
	Closing
	// Closed: the socket is closed (RFC 6455 7.1.4).
	Closed
)

// String returns the state in lower case, such as "open".
func (s State) String() string { return session.State(s).String() }

// RTT returns the time from the latest ping that was answered to its pong; ok is false before there is
// one. The pings are those of the heartbeat and of [Conn.Ping]. The first call sends a ping, and has
// this and later ones measured. From then on the heartbeat's pings carry eight random bytes, so that
// no other pong is taken for their answer. OnPong gets the pongs to them, too. A ping of [Conn.Ping] is
// measured only if it has a payload. Give each ping another payload, or a late pong may count for a newer one.
func (c *Conn) RTT() (rtt time.Duration, ok bool) { return (*session.Conn)(c).RTT() }
