//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
)

// patience bounds every wait for a server that should answer at once. It is long:
// a machine that stands still is no fault of the server.
const patience = 30 * time.Second

// client is one raw connection. Nothing is answered by itself: what a bar wants
// to be sent, it sends.
type client struct {
	net.Conn // tcp, or TLS over it
	tcp      *net.TCPConn
	in       *bufio.Reader
	out      []byte
}

// connect opens a connection, of TLS if the bar is held over that, without a handshake of
// RFC 6455.
func connect(ctx context.Context, addr string) (*client, error) {
	return connectFrom(ctx, netip.Addr{}, addr)
}

// connectFrom is connect from one of this machine's addresses, or from any.
func connectFrom(ctx context.Context, from netip.Addr, addr string) (*client, error) {
	c, err := connectTCP(ctx, from, addr)
	if err == nil && securely(ctx) {
		if err = c.shake(); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, err
}

// connectTCP is connectFrom without TLS.
func connectTCP(ctx context.Context, from netip.Addr, addr string) (*client, error) {
	d := net.Dialer{Timeout: patience, KeepAlive: -1}
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &client{Conn: c, tcp: c.(*net.TCPConn), in: bufio.NewReaderSize(c, 512)}, nil
}

// open connects and shakes hands.
func open(ctx context.Context, addr, path string) (*client, error) {
	c, err := connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	if err := c.handshake(addr, path); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// openAll opens n connections. Also with an error, the caller closes those there are.
func openAll(ctx context.Context, addr string, n int) ([]*client, error) {
	clients := make([]*client, n)
	err := each(ctx, n, 16, func(ctx context.Context, i int) (err error) {
		clients[i], err = open(ctx, addr, "/")
		return err
	})
	return clients, err
}

func (c *client) handshake(addr, path string) error {
	if _, err := c.Write(wire.Request(addr, path)); err != nil {
		return err
	}
	return wire.ReadResponse(c.in)
}

// ask sends a request for a handshake and returns the answer's status; of one that is
// a refusal for now it must say when to come again.
func (c *client) ask(addr string) (status int, err error) {
	if _, err := c.Write(wire.Request(addr, "/")); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	if status = answer.StatusCode; status != http.StatusSwitchingProtocols && answer.Header.Get("Retry-After") == "" {
		err = fmt.Errorf("status %d without Retry-After", status)
	}
	return status, err
}

// extend gives what follows another while.
func (c *client) extend(d time.Duration) error { return c.SetDeadline(time.Now().Add(d)) }

// send sends one unfragmented frame.
func (c *client) send(opcode byte, payload []byte) error {
	c.out = wire.AppendFrame(c.out[:0], true, opcode, [4]byte{0x51, 0x0b, 0xe2, 0x7f}, payload)
	_, err := c.Write(c.out)
	return err
}

// receive reads one message or control frame; fragments are put together.
func (c *client) receive() (opcode byte, payload []byte, err error) {
	final, opcode, payload, err := wire.ReadFrame(c.in)
	for err == nil && !final {
		var continuation byte
		var more []byte
		if final, continuation, more, err = wire.ReadFrame(c.in); err == nil && continuation != wire.Continuation {
			err = fmt.Errorf("opcode %#x within a fragmented message", continuation)
		}
		payload = append(payload, more...)
	}
	return opcode, payload, err
}

// echo sends a text message and awaits the same; pings that come first are
// answered.
func (c *client) echo(payload []byte) error {
	if err := c.send(wire.Text, payload); err != nil {
		return err
	}
	opcode, got, err := c.receive()
	for ; err == nil && opcode == wire.Ping; opcode, got, err = c.receive() {
		if err := c.send(wire.Pong, got); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if opcode != wire.Text || !bytes.Equal(got, payload) {
		return fmt.Errorf("sent %d bytes of text, got opcode %#x with %d bytes that differ", len(payload), opcode, len(got))
	}
	return nil
}

// finish does the closing handshake from this side, up to the end of the stream.
func (c *client) finish(code uint16) error {
	defer c.Close()
	if err := c.send(wire.Close, binary.BigEndian.AppendUint16(nil, code)); err != nil {
		return err
	}
	got, err := c.awaitClose()
	if err != nil {
		return err
	}
	if got != code {
		return fmt.Errorf("closed with %d, answered with %d", code, got)
	}
	return nil
}

// awaitClose reads up to the Close frame, whose code it returns, and from there up
// to the end of the stream.
func (c *client) awaitClose() (code uint16, err error) {
	if code, err = c.awaitCode(); err != nil {
		return code, err
	}
	return code, c.awaitEnd()
}

// awaitCode reads up to the Close frame and returns its code, 0 if it has none.
func (c *client) awaitCode() (code uint16, err error) {
	for {
		opcode, payload, err := c.receive()
		if err != nil {
			return 0, err
		}
		if opcode != wire.Close {
			continue
		}
		if len(payload) >= 2 {
			code = binary.BigEndian.Uint16(payload)
		}
		return code, nil
	}
}

// awaitEnd wants the end of the stream, and nothing before it.
func (c *client) awaitEnd() error {
	switch b, err := c.in.ReadByte(); {
	case err == nil:
		return fmt.Errorf("byte %#x behind the end", b)
	case err == io.EOF:
		return nil
	default:
		return err
	}
}

// reset ends the connection with a reset.
func (c *client) reset() error {
	return errors.Join(c.tcp.SetLinger(0), c.tcp.Close())
}

// closeWrite ends this side's direction, over TLS with close_notify.
func (c *client) closeWrite() error {
	if over, ok := c.Conn.(*tls.Conn); ok {
		if err := over.CloseWrite(); err != nil {
			return err
		}
	}
	return c.tcp.CloseWrite()
}

// closeAll resets those there are.
func closeAll(clients []*client) {
	for _, c := range clients {
		if c != nil {
			c.reset()
		}
	}
}

// timedOut tells an error of a deadline from that of a connection that ended.
func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
