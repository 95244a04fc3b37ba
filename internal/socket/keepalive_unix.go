//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"cmp"
	"math"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// SetKeepAlive turns the system's probes of a silent peer over TCP on or off. As in package net, zeros mean
// 15 seconds, 15 seconds and 9 probes, and negative numbers the system's defaults. openbsd has these
// settings only for the whole machine.
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
		{keepCount, min(cmp.Or(k.Count, keepCountDefault), keepCountMost)},
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

// keepMost and keepCountMost are the most that Linux takes.
const (
	keepMost      = math.MaxInt16 * time.Second
	keepCountMost = math.MaxInt8
)

// keepCountDefault is package net's own, as is keepAlivePeriod.
const keepCountDefault = 9

// keepTime is a time in the system's unit, rounded up; -1 for a negative one.
func keepTime(d time.Duration) int {
	d = cmp.Or(d, keepAlivePeriod)
	if d < 0 {
		return -1
	}
	return units(d, keepUnit, int(keepMost/keepUnit))
}

// units is d in units of the system's, rounded up, or the most that it takes.
func units(d, unit time.Duration, most int) int {
	n := d / unit
	if d%unit > 0 {
		n++
	}
	return int(min(n, time.Duration(most)))
}
