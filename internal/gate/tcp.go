package gate

import (
	"fmt"
	"net"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// TCP has the options of TCP sockets. Package server documents them.
type TCP struct {
	Delay         bool
	KeepAlive     net.KeepAliveConfig
	UserTimeout   time.Duration
	ReceiveBuffer int
	SendBuffer    int
	UnsentLimit   int
	DeferAccept   time.Duration
}

// WithDefaults returns the options with defaults. pings says whether the server sends pings.
func (o TCP) WithDefaults(pings bool) TCP {
	if o.KeepAlive == (net.KeepAliveConfig{}) && !pings {
		o.KeepAlive.Enable = true
	}
	return o
}

// setUp sets the options of a listener with which its connections begin.
func (o *TCP) setUp(s platform.Options, fd int) error {
	var err error
	set := func(name string, on bool, set func() error) {
		if on && err == nil {
			if err = set(); err != nil {
				err = fmt.Errorf("framerail: TCP.%s: %w", name, err)
			}
		}
	}
	set("ReceiveBuffer", o.ReceiveBuffer > 0, func() error { return s.SetReceiveBuffer(fd, o.ReceiveBuffer) })
	set("SendBuffer", o.SendBuffer > 0, func() error { return s.SetSendBuffer(fd, o.SendBuffer) })
	set("DeferAccept", o.DeferAccept > 0, func() error { return s.SetDeferAccept(fd, o.DeferAccept) })
	return err
}

// Apply sets the options of a connection. Not all systems pass a listener's options on. A connection may
// also be older than they are, if another process listened before. An option that cannot be set, as
// after a reset, does not end the connection.
func (o *TCP) Apply(s platform.Options, fd int) {
	if !o.Delay {
		_ = s.SetNoDelay(fd, true)
	}
	if o.KeepAlive != (net.KeepAliveConfig{}) {
		_ = s.SetKeepAlive(fd, o.KeepAlive)
	}
	if o.UserTimeout > 0 {
		_ = s.SetUserTimeout(fd, o.UserTimeout)
	}
	if o.ReceiveBuffer > 0 {
		_ = s.SetReceiveBuffer(fd, o.ReceiveBuffer)
	}
	if o.SendBuffer > 0 {
		_ = s.SetSendBuffer(fd, o.SendBuffer)
	}
}

// Lend sets options again that package net has changed for a connection that net/http gets. Unless the
// program says otherwise that connection is probed, because net/http sends no pings.
func (o *TCP) Lend(s platform.Options, fd int) {
	if o.Delay {
		_ = s.SetNoDelay(fd, false)
	}
	if o.KeepAlive != (net.KeepAliveConfig{}) {
		_ = s.SetKeepAlive(fd, o.KeepAlive)
	}
}

// Regain ends the options that were only for net/http.
func (o *TCP) Regain(s platform.Options, fd int) {
	if o.KeepAlive == (net.KeepAliveConfig{}) {
		_ = s.SetKeepAlive(fd, o.KeepAlive)
	}
}
