//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/nethttp"
)

// optionOf reads an option of the socket of a server's only connection.
func optionOf(t *testing.T, s *Server, level, name int) (value int) {
	t.Helper()
	l, read := s.run.loops[0], make(chan error, 1)
	l.Ask(func() {
		l.Each(func(cl *loop.Tenant) {
			var err error
			value, err = unix.GetsockoptInt(cl.FD(), level, name)
			read <- err
		})
	})
	if err := receive(t, read); err != nil {
		t.Fatal(err)
	}
	return value
}

// connected is a server with one connection, that a listener of package net has accepted or
// one of another package.
func connected(t *testing.T, other bool, o TCP, idle time.Duration) *Server {
	s := &Server{Loops: 1, TCP: o, OnMessage: echo, Limits: Limits{Limits: conn.Limits{IdleTimeout: idle}}}
	startWith(t, s, func() error {
		if !other {
			return s.Start()
		}
		ln := listenLocal(t).(*net.TCPListener)
		go func() { _ = s.Serve(&counting{TCPListener: ln}) }()
		eventually(t, "the listener", func() bool { return s.ListenAddr() != nil })
		return nil
	})
	dial(t, s).alive()
	return s
}

func TestTCP_DefaultsAreNoDelayAndNoProbes(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	for _, other := range []bool{false, true} {
		if s := connected(t, other, TCP{}, 0); optionOf(t, s, unix.IPPROTO_TCP, unix.TCP_NODELAY) == 0 {
			t.Errorf("listener of another package %v: delayed", other)
		}
	}
	s := connected(t, false, TCP{}, 0)
	if optionOf(t, s, unix.SOL_SOCKET, unix.SO_KEEPALIVE) != 0 {
		t.Error("probed beside the pings")
	}
	s = connected(t, false, TCP{Delay: true}, 0)
	if optionOf(t, s, unix.IPPROTO_TCP, unix.TCP_NODELAY) != 0 {
		t.Error("not delayed")
	}
}

// Without pings the system finds out which peers are gone, unless the program says otherwise.
func TestTCP_ProbesStandInForPings(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	never := net.KeepAliveConfig{Idle: -1, Interval: -1, Count: -1}
	for _, other := range []bool{false, true} {
		s := connected(t, other, TCP{}, -1)
		if optionOf(t, s, unix.SOL_SOCKET, unix.SO_KEEPALIVE) == 0 {
			t.Errorf("listener of another package %v: no probes", other)
		}
		s = connected(t, other, TCP{KeepAlive: never}, -1)
		if optionOf(t, s, unix.SOL_SOCKET, unix.SO_KEEPALIVE) != 0 {
			t.Errorf("listener of another package %v: probes", other)
		}
	}
}

// regained is a server with one connection, which its Handler had before the handshake came
// and found probed or not.
func regained(t *testing.T, o TCP) (s *Server, probed bool) {
	found := make(chan bool, 1)
	s = start(t, &Server{Loops: 1, TCP: o, OnMessage: echo, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := nethttp.Of(r).Socket().(*net.TCPConn).SyscallConn()
		_ = raw.Control(func(fd uintptr) {
			on, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
			found <- on != 0
		})
	})})
	p := dialRaw(t, s)
	p.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
	p.expectBody("")
	p.handshake()
	p.alive()
	return s, receive(t, found)
}

func TestTCP_IsTheServersAgainAfterTheHandler(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	enabled := net.KeepAliveConfig{Enable: true}
	for _, test := range []struct {
		name              string
		o                 TCP
		lent, probed, now bool // probed with net/http, and then; without delay then
	}{
		{"zero", TCP{}, true, false, true},
		{"delayed and probed", TCP{Delay: true, KeepAlive: enabled}, true, true, false},
		{"never probed", TCP{KeepAlive: net.KeepAliveConfig{Idle: -1}}, false, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, lent := regained(t, test.o)
			if lent != test.lent {
				t.Errorf("probed while net/http had it: %v", lent)
			}
			if probed := optionOf(t, s, unix.SOL_SOCKET, unix.SO_KEEPALIVE) != 0; probed != test.probed {
				t.Errorf("probed: %v", probed)
			}
			if now := optionOf(t, s, unix.IPPROTO_TCP, unix.TCP_NODELAY) != 0; now != test.now {
				t.Errorf("without delay: %v", now)
			}
		})
	}
}

func TestTCP_Buffers(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	const size = 64 << 10
	for _, other := range []bool{false, true} {
		s := connected(t, other, TCP{ReceiveBuffer: size, SendBuffer: size}, 0)
		for _, name := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} {
			if got := optionOf(t, s, unix.SOL_SOCKET, name); got < size || got > 2*size {
				t.Errorf("option %#x is %d, want about %d", name, got, size)
			}
		}
	}
}

// They are not for unix sockets, and in nobody's way there.
func TestTCP_OverUnixSockets(t *testing.T) {
	s := &Server{Addr: "unix:" + filepath.Join(t.TempDir(), "s"), OnMessage: echo, TCP: TCP{
		KeepAlive: net.KeepAliveConfig{Enable: true}, UserTimeout: time.Second, DeferAccept: time.Second, SendBuffer: 1 << 16,
	}}
	start(t, s)
	dial(t, s).alive()
}

func TestTCP_Impossible(t *testing.T) {
	for _, o := range []TCP{{UserTimeout: -1}, {ReceiveBuffer: -1}, {SendBuffer: -1}, {DeferAccept: -1}} {
		s := &Server{TCP: o}
		prepare(s)
		if err := s.Start(); err == nil {
			t.Errorf("%+v is taken", o)
			s.Close()
		}
	}
}
