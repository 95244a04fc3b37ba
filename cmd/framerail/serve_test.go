package main

import (
	"errors"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/internal/chat"
)

func TestReadyLineIsTheAddress(t *testing.T) {
	for _, tc := range []struct {
		command, pattern string
	}{
		{"echo", `^framerail echo: ws://127\.0\.0\.1:[1-9][0-9]*/$`},
		{"chat", `^framerail chat: http://127\.0\.0\.1:[1-9][0-9]*/$`},
	} {
		t.Run(tc.command, func(t *testing.T) {
			p := start(t, tc.command, "--addr=127.0.0.1:0")
			if !regexp.MustCompile(tc.pattern).MatchString(p.ready) {
				t.Errorf("ready line %q, want %s", p.ready, tc.pattern)
			}
			c, err := net.Dial("tcp", p.host(t))
			if err != nil {
				t.Fatalf("ready, but: %v", err)
			}
			c.Close()

			p.signal(t, os.Interrupt)
			if rest := p.wait(t); rest != "" {
				t.Errorf("standard output went on with %q", rest)
			}
		})
	}
}

func TestSignalDrainsAndExits0(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			p := start(t, "echo", "--addr=127.0.0.1:0")
			c := dial(t, p.url)

			p.signal(t, s)
			_, _, err := c.Read(within(t))
			if got := websocket.CloseStatus(err); got != websocket.StatusGoingAway {
				t.Errorf("connection ended with %v, want 1001", err)
			}
			p.wait(t)
			if !p.cmd.ProcessState.Success() {
				t.Errorf("%v, want exit status 0", p.cmd.ProcessState)
			}
			if log := p.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, `msg="framerail: shut down" clean=1 forced=0 open=0 lost=0`) {
				t.Errorf("the log does not tell of the drain in one line:\n%s", log)
			}
		})
	}
}

// The time for closing begins behind the window.
func TestDrainWindow_SpreadsTheClosing(t *testing.T) {
	for _, command := range []string{"echo", "chat"} {
		p := start(t, command, "--addr=127.0.0.1:0", "--drain-window=1s", "--drain-timeout=1m")
		url := "ws://" + p.host(t) + "/"
		if command == "chat" {
			url += strings.TrimPrefix(chat.SocketPath, "/")
		}
		var all []*websocket.Conn
		for range 20 {
			all = append(all, dial(t, url))
		}
		p.signal(t, syscall.SIGTERM)
		for _, c := range all {
			for {
				_, _, err := c.Read(within(t))
				if err == nil {
					continue // of the chat
				}
				if got := websocket.CloseStatus(err); got != websocket.StatusGoingAway {
					t.Errorf("%s: a connection ended with %v, want 1001", command, err)
				}
				break
			}
		}
		p.wait(t)
		if log := p.log.String(); !strings.Contains(log, "clean=20 forced=0") {
			t.Errorf("%s: the log does not tell of the drain:\n%s", command, log)
		}
	}
	if status, _, stderr := finish(t, "echo", "--drain-window=-1s"); status != exitUsage || !strings.Contains(stderr, "--drain-window must not be negative") {
		t.Errorf("status %d\n%s", status, stderr)
	}
}

// A peer that never answers the Close frame holds the drain up; a second signal
// does not wait for it.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := start(t, "echo", "--addr=127.0.0.1:0", "--drain-timeout=1h")
	c := openSilent(t, p)

	p.signal(t, syscall.SIGTERM)
	if _, err := c.Read(make([]byte, 1)); err != nil { // the Close frame: the drain is on
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("%v, want the end by SIGTERM", p.cmd.ProcessState)
	}
}

func TestDrainTimeoutCutsAndExits0(t *testing.T) {
	p := start(t, "echo", "--addr=127.0.0.1:0", "--drain-timeout=50ms")
	openSilent(t, p)
	p.stop(t)
	if log := p.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "clean=0 forced=1") {
		t.Errorf("the log does not tell that connections were cut:\n%s", log)
	}
}

func TestAddressInUseIsOneLineAndStatus1(t *testing.T) {
	p := start(t, "echo", "--addr=127.0.0.1:0")
	status, stdout, stderr := finish(t, "chat", "--addr="+p.host(t))
	if status != exitFailed || stdout != "" {
		t.Errorf("exit status %d, standard output %q, want %d and nothing", status, stdout, exitFailed)
	}
	if !strings.Contains(stderr, "address already in use") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("standard error %q, want one line about the address", stderr)
	}
}

func TestURLOfUnspecifiedAddressIsLocalhost(t *testing.T) {
	for _, tc := range []struct {
		ip   net.IP
		want string
	}{
		{net.IPv4zero, "http://localhost:80/"},
		{net.IPv6unspecified, "http://localhost:80/"},
		{net.IPv6loopback, "http://[::1]:80/"},
		{net.IPv4(127, 0, 0, 1), "http://127.0.0.1:80/"},
	} {
		if got := urlOf("http", &net.TCPAddr{IP: tc.ip, Port: 80}); got != tc.want {
			t.Errorf("%v is %s, want %s", tc.ip, got, tc.want)
		}
	}
}

// host is the HOST:PORT the process listens on.
func (p *process) host(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// dial opens a WebSocket that ends with the test.
func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(within(t), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

// openSilent opens a WebSocket by hand, which then answers nothing.
func openSilent(t *testing.T, p *process) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.host(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })

	const request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	var answer []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(answer), "\r\n\r\n"); answer = append(answer, b[0]) {
		if _, err := c.Read(b); err != nil {
			t.Fatal(errors.Join(err, errors.New(string(answer))))
		}
	}
	return c
}
