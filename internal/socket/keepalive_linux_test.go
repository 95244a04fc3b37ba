package socket

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tcp(7): times are seconds up to 32,767, and at most 127 probes.
func TestSetKeepAlive(t *testing.T) {
	ours, theirs := tcpPair(t)
	defer unix.Close(theirs)
	for _, c := range []struct {
		set                   net.KeepAliveConfig
		on, idle, every, most int
	}{
		{net.KeepAliveConfig{Enable: true}, 1, 15, 15, 9},
		{net.KeepAliveConfig{Enable: true, Idle: time.Millisecond, Interval: 2001 * time.Millisecond, Count: 3}, 1, 1, 3, 3},
		{net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}, 1, 1, 3, 3}, // as they were
		{net.KeepAliveConfig{Enable: true, Idle: 40_000 * time.Second, Interval: 1 << 62, Count: 300}, 1, 32767, 32767, 127},
		{net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: 3 * time.Second, Count: 3}, 1, 1, 3, 3},
		{net.KeepAliveConfig{Idle: time.Minute, Interval: time.Minute, Count: 5}, 0, 1, 3, 3},
	} {
		must(t, SetKeepAlive(ours, c.set))
		on := option(t, ours, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		idle := option(t, ours, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
		every := option(t, ours, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL)
		most := option(t, ours, unix.IPPROTO_TCP, unix.TCP_KEEPCNT)
		if on != c.on || idle != c.idle || every != c.every || most != c.most {
			t.Errorf("%+v: on %d, %d s, %d s, %d probes", c.set, on, idle, every, most)
		}
	}
	if err := SetKeepAlive(-1, net.KeepAliveConfig{}); !errors.Is(err, syscall.EBADF) {
		t.Errorf("no descriptor: %v, want EBADF", err)
	}
}

// What net/http gets of a connection is probed as what package net accepts.
func TestConn_IsProbed(t *testing.T) {
	ours, theirs := tcpPair(t)
	defer unix.Close(theirs)
	nc, err := Conn(ours)
	must(t, err)
	defer nc.Close()
	if option(t, ours, unix.SOL_SOCKET, unix.SO_KEEPALIVE) == 0 {
		t.Error("not probed")
	}
	if idle := option(t, ours, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE); idle != 15 {
		t.Errorf("probed after %d s", idle)
	}
}
