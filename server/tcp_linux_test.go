package server

import (
	"math"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTCP_Probes(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	for _, test := range []struct {
		config                net.KeepAliveConfig
		idle, interval, count int
	}{
		{net.KeepAliveConfig{Enable: true}, 15, 15, 9},
		{net.KeepAliveConfig{Enable: true, Idle: 61 * time.Second, Interval: 1500 * time.Millisecond, Count: 3}, 61, 2, 3},
		{net.KeepAliveConfig{Enable: true, Idle: 24 * time.Hour, Interval: math.MaxInt64, Count: 1000}, 32767, 32767, 127},
	} {
		s := connected(t, false, TCP{KeepAlive: test.config}, 0)
		for name, want := range map[int]int{unix.TCP_KEEPIDLE: test.idle, unix.TCP_KEEPINTVL: test.interval, unix.TCP_KEEPCNT: test.count} {
			if got := optionOf(t, s, unix.IPPROTO_TCP, name); got != want {
				t.Errorf("%+v: option %d is %d, want %d", test.config, name, got, want)
			}
		}
		if optionOf(t, s, unix.SOL_SOCKET, unix.SO_KEEPALIVE) == 0 {
			t.Errorf("%+v: no probes", test.config)
		}
	}
	system := connected(t, false, TCP{}, 0)
	own := connected(t, false, TCP{KeepAlive: net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}}, 0)
	for _, name := range []int{unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT} {
		if got, want := optionOf(t, own, unix.IPPROTO_TCP, name), optionOf(t, system, unix.IPPROTO_TCP, name); got != want {
			t.Errorf("option %d is %d, want the system's %d", name, got, want)
		}
	}
}

func TestTCP_ProbesAreTheProgramsAfterTheHandler(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	s, _ := regained(t, TCP{KeepAlive: net.KeepAliveConfig{Enable: true, Idle: 61 * time.Second, Interval: time.Second, Count: 3}})
	for name, want := range map[int]int{unix.TCP_KEEPIDLE: 61, unix.TCP_KEEPINTVL: 1, unix.TCP_KEEPCNT: 3} {
		if got := optionOf(t, s, unix.IPPROTO_TCP, name); got != want {
			t.Errorf("option %d is %d, want %d", name, got, want)
		}
	}
}

func TestTCP_UserTimeout(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	for timeout, want := range map[time.Duration]int{1500*time.Millisecond + 1: 1501, math.MaxInt64: math.MaxInt32} {
		s := connected(t, false, TCP{UserTimeout: timeout}, 0)
		if got := optionOf(t, s, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); got != want {
			t.Errorf("%d ms, want %d", got, want)
		}
	}
}

// What is deferred is no connection of the server's before it has said something.
func TestTCP_DeferAccept(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	s := start(t, &Server{OnMessage: echo, TCP: TCP{DeferAccept: 30 * time.Second, ReceiveBuffer: 32 << 10}})
	silent := dialRaw(t, s)
	dial(t, s).alive()
	if n := s.Stats().Accepted; n != 1 {
		t.Errorf("%d accepted, want the one that has spoken", n)
	}
	silent.handshake()
	silent.alive()
	files, err := s.ListenerFiles()
	if err != nil {
		t.Fatal(err)
	}
	defer files[0].Close()
	raw, err := files[0].SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		if got, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil || got > 64<<10 {
			t.Errorf("the listener's buffer is %d, %v: windows begin with it", got, err)
		}
	})
	if err != nil {
		t.Error(err)
	}
}
