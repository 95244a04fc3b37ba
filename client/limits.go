package client

import (
	"time"

	"github.com/framerail/framerail/conn"
)

// Limits bound what servers may use of a client, and how long they may take. Zero means the
// default that is given with each.
type Limits struct {
	// Limits bound what one connection may use. A program sets them by their own names, as in
	// c.MaxPending = 1 << 20, and for a single connection with [conn.Conn.SetLimits]. MaxLifetime
	// has another default here. 0: no limit.
	conn.Limits

	// HandshakeTimeout is the time for a whole dial: resolving the name, connecting, proxies, TLS,
	// redirects, the answer, and until an event loop has time for the connection. The context of
	// Dial may end it earlier. 0: 15 s.
	HandshakeTimeout time.Duration
	// PingInterval is the longest time in which a server is sent nothing. Then it is sent a ping,
	// so that proxies in between keep the connection. 0: 45 s. No pings are sent if IdleTimeout is
	// negative. Negative: only the pings of IdleTimeout.
	PingInterval time.Duration
	// MaxBuffers bounds the bytes of all buffers that connections hold together: frames that wait for
	// servers, incomplete messages, and events that wait for callbacks or for Receive. At 98 % the
	// connections that hold most are closed with 1013 (Try Again Later) and [conn.ErrShed], until 95 %
	// are left. At 100 % messages in progress wait for that. Messages that the program sends may pass
	// it by some percent. 0: a quarter of the memory that GOMEMLIMIT, the container or the machine
	// allows, at least 16 MiB. If that is unknown, it is taken for 2 GiB. Negative: no limit.
	MaxBuffers int64
}

const (
	// defaultHandshakeTimeout is three times what a server gives a client for its request.
	defaultHandshakeTimeout = 15 * time.Second
	// defaultSlowCallback is a delay that people notice.
	defaultSlowCallback = 100 * time.Millisecond
	// bodyMost is how many bytes of a refusal's body are kept, and bodyTime how long they may take.
	bodyMost = 1 << 10
	bodyTime = time.Second
)
