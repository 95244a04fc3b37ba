package server

import (
	"fmt"
	"math"
	"net"
	"time"
)

// TCP has the options of a server's TCP sockets. The zero value is sound: frames leave without delay,
// and the rest is the system's default. The options do not apply to unix sockets, nor to connections
// that come by Upgrade from an http.Server. While a server's Handler has a connection, the system
// probes its peer, as for package net's connections, unless KeepAlive says otherwise.
type TCP struct {
	// Delay makes short frames wait until earlier bytes are acknowledged (Nagle's algorithm). That
	// sends fewer packets, later by a round trip. False: TCP_NODELAY. The frames of one turn leave
	// together in either case.
	Delay bool
	// KeepAlive makes the system probe silent peers, in package net's terms. If it is enabled, zeros
	// mean 15 s, 15 s and 9 probes, and negative numbers the system's defaults. The zero value is
	// off, because pings say more. If no pings are sent (see PingInterval), the zero value is on.
	// 32,767 s and 127 probes are the most. On openbsd it can only be enabled.
	KeepAlive net.KeepAliveConfig
	// UserTimeout bounds how long sent bytes may stay unacknowledged before the system ends the
	// connection (RFC 5482), in steps of a millisecond. 0: the system's default, often a quarter of
	// an hour. WriteTimeout and IdleTimeout are earlier. Linux only; no effect elsewhere.
	UserTimeout time.Duration
	// ReceiveBuffer and SendBuffer are the sizes of the system's buffers for one connection, in bytes.
	// The system rounds them, and Linux doubles them. They are set for the listener too, because a
	// connection's window is scaled when it begins (RFC 7323 2.2). 0: the system's default, which
	// grows with the traffic. A fixed size does not grow.
	ReceiveBuffer int
	SendBuffer    int
	// UnsentLimit bounds the bytes that the system holds unsent (TCP_NOTSENT_LOWAT), on connections
	// whose Overflow policy drops messages. Messages that the system holds can be neither dropped
	// nor replaced, and without a limit that is some megabytes. 0: 16 KiB. Negative: the system's
	// default. It has no effect on systems other than linux and darwin: SendBuffer helps there. It
	// has none on connections that are relayed. Bytes that were sent, and wait in the
	// network or with the client, do not count.
	UnsentLimit int
	// DeferAccept makes the system keep a connection until its first byte has arrived, or until about
	// that time has passed, in steps of a second (TCP_DEFER_ACCEPT). It saves one wake-up of the
	// loop for a handshake whose request comes later than its connection. Meanwhile the connection
	// has no descriptor and counts in none of the server's limits, only in the system's.
	// HandshakeTimeout begins later. Linux only; no effect elsewhere. 0: off.
	DeferAccept time.Duration
}

// validate refuses impossible options.
func (o *TCP) validate() error {
	for _, n := range [...]struct {
		name  string
		value int64
		most  int64
	}{
		{"UserTimeout", int64(o.UserTimeout), math.MaxInt64},
		{"ReceiveBuffer", int64(o.ReceiveBuffer), math.MaxInt32},
		{"SendBuffer", int64(o.SendBuffer), math.MaxInt32},
		{"UnsentLimit", max(int64(o.UnsentLimit), 0), math.MaxInt32},
		{"DeferAccept", int64(o.DeferAccept), math.MaxInt64},
	} {
		if n.value < 0 || n.value > n.most {
			return fmt.Errorf("framerail: TCP.%s is negative or too large", n.name)
		}
	}
	return nil
}
