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

// echoInMemory is echo without a simulation. The bytes of the connections are in memory, and the poller
// tells of them at once. So nearly all that is counted is what the server does for a message in a turn of its own.
// The connections have their turns in another order than they were accepted, so that their memory is not read in order.
func echoInMemory(conns, times int) error {
	text := []byte("a message of 20 byte")
	c := &client{
		left:    times,
		request: wire.Request("server.test", "/"),
		message: wire.AppendFrame(nil, true, wire.Text, [4]byte{0x37, 0xfa, 0x21, 0x3d}, text),
		echo:    string(append([]byte{0x80 | wire.Text, byte(len(text))}, text...)),
		tokens:  make([]uint64, conns),
		woken:   make(chan struct{}, 1),
		closed:  make(chan struct{}),
		result:  make(chan error, 1),
	}
	srv := &server.Server{
		OnMessage:    func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) },
		Loops:        1,
		SlowCallback: -1, // no watchdog
		Limits:       server.Limits{Limits: conn.Limits{MessagesPerSecond: -1}, HandshakesPerSecond: -1},
	}
	go func() { c.result <- srv.Serve(listener{c}) }()
	err := <-c.result
	_ = srv.Close()
	return err
}

// client is the other end of all connections. They send in turn, as many at once as the poller has room for. The next
// ones send once the server has read all of these.
type client struct {
	// Owned by the loop.
	left             int // messages to be echoed
	request, message []byte
	echo             string
	tokens           []uint64 // in the order of turns
	open             int
	turn             int      // the place of the connection that is next
	newcomers        []uint64 // the tokens of those that have not sent their request
	unread           int      // requests or messages that were sent

	accepted int // owned by the goroutine that accepts
	closing  sync.Once
	closed   chan struct{} // once the listener is
	woken    chan struct{}
	result   chan error
}

// stride is how many places lie between two connections that were accepted one after the other. It is a prime, so that
// each has a place of its own.
const stride = 7919

// next sends what comes next, and fills events with it. It returns 0 if nothing does.
func (c *client) next(events []poller.Event) (n int) {
	if c.unread > 0 || c.left == 0 {
		return 0
	}
	if c.open < len(c.tokens) {
		n = copyEvents(events, c.newcomers)
		c.newcomers = c.newcomers[n:]
	} else {
		n = copyEvents(events[:min(len(events), c.left)], c.tokens[c.turn:])
		c.turn = (c.turn + n) % len(c.tokens)
	}
	c.unread = n
	return n
}

// copyEvents makes events of tokens, as many as there is room for.
func copyEvents(events []poller.Event, tokens []uint64) (n int) {
	for n < min(len(events), len(tokens)) {
		events[n] = poller.Event{Token: tokens[n], Ready: poller.Read}
		n++
	}
	return n
}

// answered takes an answer.
func (c *client) answered(answer []byte) {
	switch {
	case c.left == 0:
	case c.open < len(c.tokens):
		if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) {
			c.end(fmt.Errorf("not connected: %q", answer))
		}
		c.open++
	case string(answer) != c.echo:
		c.end(fmt.Errorf("no echo: %q", answer))
	default:
		if c.left--; c.left == 0 {
			c.end(nil)
		}
	}
}

func (c *client) end(err error) {
	c.left = 0
	c.result <- err
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
	if a.accepted == len(a.tokens) {
		<-a.closed
		return platform.Accepted{}, net.ErrClosed
	}
	a.accepted++
	return platform.Accepted{FD: a.accepted, Remote: netip.AddrPortFrom(netip.IPv6Loopback(), uint16(a.accepted)), Below: stream(a)}, nil
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

func (w watcher) Add(fd int, _ poller.Interest, token uint64) error {
	w.tokens[fd*stride%len(w.tokens)] = token
	w.newcomers = append(w.newcomers, token)
	return nil
}

func (w watcher) Modify(int, poller.Interest, uint64) error { return nil }
func (w watcher) Remove(int) error                          { return nil }

func (w watcher) Wait(events []poller.Event, _ time.Time) (int, error) {
	if n := w.next(events); n > 0 {
		return n, nil
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
	if s.unread == 0 {
		return 0, transport.ErrWouldBlock
	}
	s.unread--
	if s.open < len(s.tokens) {
		return copy(b, s.request), nil
	}
	return copy(b, s.message), nil
}

func (s stream) Write(bufs [][]byte) (n int, err error) {
	if len(bufs) != 1 {
		return 0, fmt.Errorf("an answer in %d parts", len(bufs))
	}
	s.answered(bufs[0])
	return len(bufs[0]), nil
}

func (s stream) CloseWrite() error         { return nil }
func (s stream) Close() error              { return nil }
func (s stream) LocalAddr() netip.AddrPort { return netip.AddrPort{} }
