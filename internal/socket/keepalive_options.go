//go:build linux || freebsd || netbsd

package socket

import (
	"time"

	"golang.org/x/sys/unix"
)

// The options of probing, and the unit of their times.
const (
	keepIdle     = unix.TCP_KEEPIDLE
	keepInterval = unix.TCP_KEEPINTVL
	keepCount    = unix.TCP_KEEPCNT
	keepUnit     = time.Second
)
