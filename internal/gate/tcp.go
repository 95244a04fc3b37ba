package gate

import (
	"fmt"
	"net"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// TCP is the options of TCP sockets, as package server documents them.
type TCP struct {
	Delay         bool
	KeepAlive     net.KeepAliveConfig
	UserTimeout   time.Duration
	ReceiveBuffer int
	SendBuffer    int
	UnsentLimit   int
	DeferAccept   time.Duration
}

// WithDefaults is the options as they are set, with pings or without.
func (o TCP) WithDefaults(pings bool) TCP {
	if o.KeepAlive == (net.KeepAliveConfig{}) && !pings {
		o.KeepAlive.Enable = true
	}
	return o
}

// setUp sets the options of a listener that its connections begin with.
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

// Apply sets the options of a connection. Not all systems hand a listener's down, and a
// connection that waited for another process to accept it was there before them. An option that
// cannot be set, as after a reset, is no reason to give the connection up.
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

// Lend sets again what package net sets in its own way for a connection that net/http gets.
// Without a word from the program that is probed: net/http sends no pings.
func (o *TCP) Lend(s platform.Options, fd int) {
	if o.Delay {
		_ = s.SetNoDelay(fd, false)
	}
	if o.KeepAlive != (net.KeepAliveConfig{}) {
		_ = s.SetKeepAlive(fd, o.KeepAlive)
	}
}

// Regain ends what was for net/http alone.
func (o *TCP) Regain(s platform.Options, fd int) {
	if o.KeepAlive == (net.KeepAliveConfig{}) {
		_ = s.SetKeepAlive(fd, o.KeepAlive)
	}
}
