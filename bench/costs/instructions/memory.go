package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
	"github.com/framerail/framerail/server"
)

// echoInMemory is echo without a simulation. The bytes of the only connection are in memory, and the poller
// tells of them at once. So nearly all that is counted is what the server does for a message in a turn of its own.
func echoInMemory(times int) error {
	text := []byte("a message of 20 byte")
	c := &client{
		left:    times,
		request: wire.Request("server.test", "/"),
		message: wire.AppendFrame(nil, true, wire.Text, [4]byte{0x37, 0xfa, 0x21, 0x3d}, text),
		echo:    string(append([]byte{0x80 | wire.Text, byte(len(text))}, text...)),
		woken:   make(chan struct{}, 1),
		closed:  make(chan struct{}),
		result:  make(chan error, 1),
	}
	srv := &server.Server{
		OnMessage:    func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) },
		Loops:        1,
		SlowCallback: -1, // no watchdog
		Limits:       server.Limits{Limits: conn.Limits{MessagesPerSecond: -1}},
	}
	go func() { c.result <- srv.Serve(listener{c}) }()
	err := <-c.result
	_ = srv.Close()
	return err
}

// client is the other end of the connection, which sends its message again once it has the echo.
type client struct {
	// Owned by the loop.
	left             int // messages to be echoed
	request, message []byte
	echo             string
	watched, open    bool
	token            uint64
	sent             []byte // and not read yet
	answer           []byte

	accepted bool // owned by the goroutine that accepts
	closing  sync.Once
	closed   chan struct{} // once the listener is
	woken    chan struct{}
	result   chan error
}

// next sends what comes next. It returns false if nothing does.
func (c *client) next() bool {
	switch {
	case c.left == 0:
		return false
	case c.request != nil:
		c.sent, c.request = c.request, nil
		return true
	case !c.open:
		if c.open = bytes.HasPrefix(c.answer, []byte("HTTP/1.1 101 ")); !c.open {
			return c.end(fmt.Errorf("not connected: %q", c.answer))
		}
	case string(c.answer) != c.echo:
		return c.end(fmt.Errorf("no echo: %q", c.answer))
	default:
		if c.left--; c.left == 0 {
			return c.end(nil)
		}
	}
	c.sent, c.answer = c.message, c.answer[:0]
	return true
}

func (c *client) end(err error) (more bool) {
	c.left = 0
	c.result <- err
	return false
}

// still is a system on which no time passes, and whose only connection is the client's.
type still struct {
	platform.Real
	*client
}

func (s still) Now() time.Time                      { return time.Unix(1, 0) }
func (s still) Since(time.Time) time.Duration       { return time.Second }
func (s still) NewPoller() (platform.Poller, error) { return watcher{s.client}, nil }
func (s still) Sockets() platform.Sockets           { return sockets{client: s.client} }

type sockets struct {
	platform.NoSockets
	*client
}

func (s sockets) Listen(net.Listener) (platform.Listener, error) { return acceptor{s.client}, nil }

// listener brings the system to the server.
type listener struct{ *client }

func (l listener) Platform() platform.Platform { return still{client: l.client} }
func (l listener) Addr() net.Addr              { return &net.TCPAddr{} }
func (l listener) Accept() (net.Conn, error)   { return nil, errors.ErrUnsupported }
func (l listener) Close() error                { return nil }

// acceptor accepts the client, and then nothing more.
type acceptor struct{ *client }

func (a acceptor) Accept() (platform.Accepted, error) {
	if a.accepted {
		<-a.closed
		return platform.Accepted{}, net.ErrClosed
	}
	a.accepted = true
	return platform.Accepted{FD: 1, Remote: netip.MustParseAddrPort("192.0.2.1:1024"), Below: stream(a)}, nil
}

func (a acceptor) Close() error {
	a.closing.Do(func() { close(a.closed) })
	return nil
}

func (a acceptor) EndsAccept() bool            { return true }
func (a acceptor) SetUp(func(int) error) error { return nil }
func (a acceptor) File() (*os.File, error)     { return nil, errors.ErrUnsupported }

// watcher is the loop's poller.
type watcher struct{ *client }

func (w watcher) Add(_ int, _ poller.Interest, token uint64) error {
	w.watched, w.token = true, token
	return nil
}

func (w watcher) Modify(_ int, _ poller.Interest, token uint64) error {
	w.token = token
	return nil
}

func (w watcher) Remove(int) error {
	w.watched = false
	return nil
}

func (w watcher) Wait(events []poller.Event, _ time.Time) (int, error) {
	if w.watched && w.next() {
		events[0] = poller.Event{Token: w.token, Ready: poller.Read}
		return 1, nil
	}
	<-w.woken
	return 0, nil
}

func (w watcher) Wake() error {
	select {
	case w.woken <- struct{}{}:
	default:
	}
	return nil
}

func (w watcher) Close() error { return nil }

// stream is the server's end of the connection.
type stream struct{ *client }

func (s stream) Read(b []byte) (int, error) {
	n := copy(b, s.sent)
	s.sent = s.sent[n:]
	if n == 0 {
		return 0, transport.ErrWouldBlock
	}
	return n, nil
}

func (s stream) Write(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		s.answer = append(s.answer, b...)
		n += len(b)
	}
	return n, nil
}

func (s stream) CloseWrite() error         { return nil }
func (s stream) Close() error              { return nil }
func (s stream) LocalAddr() netip.AddrPort { return netip.AddrPort{} }
