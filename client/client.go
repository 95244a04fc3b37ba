package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/loop"
)

// Client dials WebSocket servers. It holds what many connections share: options, callbacks and
// event loops. All methods are safe from any goroutine.
//
// The zero value is ready. Set its fields, then call Dial. Changing a field after the first Dial
// has no effect. An impossible option is an error of Dial. A Client must not be copied.
type Client struct {
	// Header is sent with each request, besides the handshake's own fields. Authorization and Cookie
	// may be among it. Dial fails if it has a field that is the handshake's own, such as Connection
	// or Sec-WebSocket-Protocol.
	Header http.Header
	// Origin is sent with each request, in place of an Origin in Header. A program that is no browser
	// needs it only for servers that ask for one (RFC 6455 10.2). Empty: none.
	Origin string
	// Subprotocols are offered to the server, best first. It chooses one of them or none: see
	// [conn.Conn.Subprotocol] (RFC 6455 1.9).
	Subprotocols []string
	// Jar has the cookies to send, and gets those that servers set. Nil: cookies of answers are
	// ignored.
	Jar http.CookieJar
	// Deflate is permessage-deflate, the compression of messages (RFC 7692). Zero: off.
	Deflate Deflate

	// DialContext makes the connections below, such as over a unix socket. It also makes those to
	// proxies. Connections that it returns as a *net.TCPConn or *net.UnixConn move to an event
	// loop; see Transport for others. Nil: that of Transport, or a [net.Dialer]'s. That one sends no
	// probes of TCP's (keep-alive), unless IdleTimeout is negative, because there are pings.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLSConfig is for wss. It is cloned, and the clone has a ClientSessionCache. Its NextProtos are offered
	// by ALPN, but never "h2", because a WebSocket needs HTTP/1.1 (RFC 6455 4.1). Without NextProtos no
	// protocol is offered, which means HTTP/1.1. Dials by package net/http, see Transport, offer none. It must
	// not allow renegotiation. Nil: the Transport's, or crypto/tls's defaults.
	TLSConfig *tls.Config
	// Transport makes the requests. A *http.Transport is cloned, and the clone has the limits of
	// this package. Its proxies, timeouts and TLS settings stay.
	//
	// Any other RoundTripper is used as it is. It may sign or trace requests, for example. It hides
	// the socket. So a goroutine carries the connection's bytes to the loop, over a pair of sockets,
	// and a second one carries bytes back while there are any. The same holds for connections of a
	// DialContext that are of another type than it asks for, of a DialTLSContext, and for wss
	// through a proxy that speaks TLS itself. Callbacks and limits are the same.
	//
	// Nil: one of package net/http, with the proxies of the environment. Most dials are made without it.
	// It makes those that have a proxy, may follow redirects or have a trace in their context. It also makes
	// those to a host that is not ASCII, and those whose request is longer than 16 KiB.
	Transport http.RoundTripper
	// MaxRedirects is how many redirects are followed. A redirect from wss to ws is an error.
	// Authorization and Cookie of Header are not sent to another host. 0: none; the redirect is a
	// *HandshakeError.
	MaxRedirects int
	// Check decides on each answer that RFC 6455 accepts, on Dial's goroutine. If it returns an
	// error, Dial fails with a *HandshakeError that wraps it. The answer has no body. Nil: all are
	// accepted.
	Check func(*http.Response) error

	// OnConnection runs for each new connection once its handshake is done, before its first
	// message and before Dial returns. So a loop that reads is for Dial's caller, or for a
	// goroutine.
	OnConnection func(*conn.Conn)
	// OnMessage gets each whole message. Its payload is valid until the callback returns; copy
	// to keep. A connection may have a callback of its own in place of this one and each of
	// the following: see [conn.Conn.OnMessage].
	//
	// Without OnMessage and OnStream messages wait for [conn.Conn.Receive] and
	// [conn.Conn.Messages]. Up to 64 messages and 64 KiB wait; then the server is not read from. A
	// program that wants no messages sets a callback that does nothing.
	OnMessage func(*conn.Conn, conn.Message)
	// OnStream gets each message while it arrives, in place of OnMessage, and runs on a
	// goroutine. Dial fails if both are set.
	OnStream func(*conn.Conn, *conn.Reader)
	// OnPing gets the payload of each ping, in place of the automatic pong (RFC 6455 5.5.2).
	// OnPong gets the payload of each pong. Both payloads are valid until the callback returns;
	// copy to keep.
	OnPing func(*conn.Conn, []byte)
	OnPong func(*conn.Conn, []byte)
	// OnClose runs last and once, when the socket is closed.
	OnClose func(*conn.Conn, conn.CloseInfo)
	// OnDrained runs when the socket has taken all pending bytes, after it was full or after a
	// send has failed with [conn.ErrPendingFull].
	OnDrained func(*conn.Conn)

	// AutoAnswer is a text that the loop answers without the program. Zero: none. See
	// [conn.Conn.AutoAnswer], which sets it for one connection.
	AutoAnswer conn.AutoAnswer
	// Dispatch says where callbacks run. Zero: on the loop, where they must not
	// block. See [conn.Dispatch].
	Dispatch conn.Dispatch
	// Overflow says what happens to a message for which there is no room, because the server does
	// not read. Zero: the connection closes with 1013 (Try Again Later). See [conn.Overflow].
	Overflow conn.Overflow

	// Limits bound what a server may use. Their zero values are safe on the internet.
	Limits

	// Loops is the number of event loops, each with its share of the connections. They start with
	// the first Dial and end with Close. 0: 1, which is enough for some 10,000 connections.
	Loops int
	// EventLoops are those of a server of the same process, from its method EventLoops, in place of
	// loops of the client's own. Loops, MaxBuffers and SlowCallback are the server's then. Dial fails
	// if one of these options is set. Stats, Close and Shutdown are about the client's connections
	// alone. Shutdown and Close of the server end them, too, and later dials fail. A loop has room
	// for 15 clients that have a connection there or are not closed. Loops of a server on a simulated machine
	// need the Transport of that machine. Zero: loops of the client's own.
	EventLoops conn.EventLoops
	// SlowCallback is how long a callback may hold an event loop. A longer one is logged once with
	// its stack, at level Warn, while it still runs. 0: 100 ms. Negative: never.
	SlowCallback time.Duration
	// Logger gets one line for each connection that fails and each callback that panics. Events of one
	// kind get ten lines at once, and then one a second. Errors of Dial are not logged. Nil:
	// slog.Default().
	Logger *slog.Logger

	mu     sync.Mutex
	run    *running      // guarded by mu: made by the first Dial
	closed bool          // guarded by mu
	ending chan struct{} // guarded by mu: closed with the client; nil until somebody waits for it
}

// ErrClientClosed is the error of Dial after Shutdown or Close, and in [conn.CloseInfo] for
// connections that these have cut.
var ErrClientClosed = errors.New("framerail: client is closed")

// errShutdownOnLoop is the error of Shutdown in a callback that runs on an event loop.
var errShutdownOnLoop = fmt.Errorf("%w; the shutdown goes on", conn.ErrOnLoop)

// Shutdown closes the client gently. Dials that go on fail with ErrClientClosed. Each connection
// gets its pending messages and a Close frame with 1001 (Going Away). Shutdown waits until each is
// closed and its close callback has run, and until the loops have ended.
//
// When ctx is done Shutdown cuts the connections that are left, and returns an error that matches
// ctx's. In a callback on a loop, or one that has lost its loop, it does not wait, and returns
// [conn.ErrOnLoop].
func (c *Client) Shutdown(ctx context.Context) error {
	run, _ := c.stop(loop.Drain)
	switch {
	case run == nil:
		return nil
	case loop.WithinLoop():
		return errShutdownOnLoop
	}
	return run.drain(ctx)
}

// Close closes the client at once. It cuts every connection, with ErrClientClosed for its close
// callback, and ends the loops. Dials that go on fail with ErrClientClosed. It waits for callbacks
// that run on loops, but not for callbacks on goroutines. In a callback on a loop, or one
// that has lost its loop, it does not wait. The error is always nil.
func (c *Client) Close() error {
	run, cut := c.stop(loop.Abort)
	if run == nil || loop.WithinLoop() {
		return nil
	}
	run.await(cut, time.Time{})
	return nil
}

// stop ends the dials and gives the loops a command: see running.command. The running client is nil if it
// never dialled.
func (c *Client) stop(command loop.Command) (run *running, done []<-chan struct{}) {
	c.mu.Lock()
	if !c.closed && c.ending != nil {
		close(c.ending)
	}
	c.closed = true
	run = c.run
	c.mu.Unlock()
	if run != nil {
		run.cancel(ErrClientClosed)
		done = run.command(command)
		run.leaveOnce.Do(run.leave)
	}
	return run, done
}

// end is closed once the client is closed.
func (c *Client) end() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending == nil {
		c.ending = make(chan struct{})
		if c.closed {
			close(c.ending)
		}
	}
	return c.ending
}

// begin is the client's loops, which it starts if need be, with one more dial going on. The caller
// tells run.busy when that has ended.
func (c *Client) begin() (*running, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClientClosed
	}
	if c.run == nil {
		run, err := c.start()
		if err != nil {
			return nil, err
		}
		c.run = run
	}
	c.run.busy.Begin()
	return c.run, nil
}
