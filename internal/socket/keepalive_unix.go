//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"cmp"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// SetKeepAlive has the system probe a silent peer over TCP, or not. As in package net, a
// zero is 15 seconds, 15 seconds and 9 probes, and what is negative is left to the system.
// openbsd has them for the machine alone.
func SetKeepAlive(fd int, k net.KeepAliveConfig) error {
	on := 0
	if k.Enable {
		on = 1
	}
	err := setOption(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on)
	if err != nil || !k.Enable || keepIdle == 0 {
		return err
	}
	for _, o := range [...]struct{ name, value int }{
		{keepIdle, keepTime(k.Idle)},
		{keepInterval, keepTime(k.Interval)},
		{keepCount, cmp.Or(k.Count, keepCountDefault)},
	} {
		if o.value < 0 {
			continue
		}
		if err := setOption(fd, unix.IPPROTO_TCP, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}

// keepCountDefault is package net's own, as is keepAlivePeriod.
const keepCountDefault = 9

// keepTime is a time in the system's unit, rounded up; -1 for a negative one.
func keepTime(d time.Duration) int {
	d = cmp.Or(d, keepAlivePeriod)
	if d < 0 {
		return -1
	}
	return int((d + keepUnit - 1) / keepUnit)
}
