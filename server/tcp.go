package server

import (
	"fmt"
	"math"
	"net"
	"time"
)

// TCP is the options of a server's TCP sockets. Zero is sound for all of them: frames
// leave without delay, and the rest is the system's. They are not for unix sockets, nor
// for connections that come by Upgrade from an http.Server, which has set up its sockets.
// While a server's Handler has a connection the system probes its peer, as it does for
// package net's, unless KeepAlive says otherwise.
type TCP struct {
	// Delay has short frames wait until what was sent before is acknowledged (Nagle's
	// algorithm): fewer packets, later by a round trip. False: TCP_NODELAY. The frames of
	// one turn leave together in either case.
	Delay bool
	// KeepAlive has the system probe peers that are silent, in package net's terms: in an
	// enabled one, zeros are 15 s, 15 s and 9 probes, and negative numbers the system's.
	// Zero: off, since pings tell more, unless no pings are sent (see PingInterval): then it is enabled.
	// More than 32,767 s or 127 probes count as that. On openbsd it can be enabled only.
	KeepAlive net.KeepAliveConfig
	// UserTimeout bounds how long what was sent may stay unacknowledged before the system
	// ends the connection (RFC 5482), in steps of a millisecond. 0: the system's, a quarter
	// of an hour as a rule; WriteTimeout and IdleTimeout are earlier. Linux only; without
	// effect elsewhere.
	UserTimeout time.Duration
	// ReceiveBuffer and SendBuffer are what the system may keep for one connection, in
	// bytes, which it rounds; Linux doubles them. They are set for the listener, too, since
	// a connection's window is scaled when it begins (RFC 7323 2.2). 0: the system's, which
	// grows with the traffic, and no longer does once a number is set.
	ReceiveBuffer int
	SendBuffer    int
	// UnsentLimit bounds, in bytes, what the system may hold of what it was given to send
	// and has not sent yet (TCP_NOTSENT_LOWAT), on connections whose Overflow policy drops
	// messages: what it holds can neither be dropped nor replaced, and without a bound that
	// grows to some megabytes. 0: 16 KiB. Negative: the system's. Without effect on systems
	// other than linux and darwin, where SendBuffer helps, and on connections that Upgrade
	// has bridged. What was sent, and waits in the network or with the client, is not in it.
	UnsentLimit int
	// DeferAccept has the system keep connections to itself until their first byte has
	// come, or nothing for about that long, in steps of a second (TCP_DEFER_ACCEPT). It
	// saves a handshake one wake-up of its loop, if the request comes a while after the
	// connection, and no other call. Meanwhile a connection is no descriptor and counts in
	// no limit of the server's: the system's own bound those, and HandshakeTimeout begins
	// later. Linux only; without effect elsewhere. 0: off.
	DeferAccept time.Duration
}

// validate refuses what cannot be meant.
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
