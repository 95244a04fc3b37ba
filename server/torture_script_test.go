//go:build faults && linux

package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/framerail/framerail/frame"
)

// dialer is how the script's clients connect.
func dialer(secure bool) func(addr string) (net.Conn, error) {
	return func(addr string) (net.Conn, error) {
		nc, err := net.Dial("tcp", addr)
		if err == nil && secure {
			nc = tls.Client(nc, trusting())
		}
		return nc, err
	}
}

// script has clients do one thing after the other, whatever comes of it.
func script(dial func(string) (net.Conn, error), addrs []string, pending func() bool) {
	long := bytes.Repeat([]byte("x"), 70<<10)
	converse(dial, addrs[0], func(c *scripted) {
		c.send(frame.Text, true, []byte("one"))
		c.await()
		c.send(frame.Binary, true, long)
		c.await()
		c.send(frame.Text, true, []byte("much")) // more than the socket takes
		for end := time.Now().Add(time.Second); !c.bad && !pending() && time.Now().Before(end); {
			time.Sleep(100 * time.Microsecond)
		}
		c.send(frame.Close, true, []byte{3, 0xe8})
		_, _ = io.Copy(io.Discard, c.in)
	})
	converse(dial, addrs[0], func(c *scripted) { // against the protocol: Close, and the sending direction ended
		c.send(frame.Continuation, true, nil)
		c.await()
	})
	converse(dial, addrs[0], func(c *scripted) { // reset
		nc := c.nc
		if over, ok := nc.(*tls.Conn); ok {
			nc = over.NetConn()
		}
		_ = nc.(*net.TCPConn).SetLinger(0)
	})
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", // for the Handler
		"nonsense\r\n\r\n", // refused
	} {
		if nc, err := dial(addrs[0]); err == nil {
			_ = nc.SetDeadline(time.Now().Add(patienceOfScript))
			_, _ = io.WriteString(nc, request)
			_, _ = io.Copy(io.Discard, nc)
			_ = nc.Close()
		}
	}
	if len(addrs) > 1 {
		converse(dial, addrs[1], func(c *scripted) {
			c.send(frame.Text, true, []byte("two"))
			c.await()
		})
	}
}

const patienceOfScript = 3 * time.Second

// scripted is a client that gives up without a word.
type scripted struct {
	nc  net.Conn
	in  *bufio.Reader
	bad bool
}

func converse(dial func(string) (net.Conn, error), addr string, f func(*scripted)) {
	nc, err := dial(addr)
	if err != nil {
		return
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patienceOfScript))
	c := &scripted{nc: nc, in: bufio.NewReader(nc)}
	_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil || !strings.HasPrefix(resp.Status, "101") {
		return
	}
	f(c)
}

func (c *scripted) send(op frame.Opcode, fin bool, payload []byte) {
	_, err := c.nc.Write(frame.AppendFrame(nil, frame.Header{Fin: fin, Opcode: op, Masked: true, MaskingKey: 0x01020304}, payload))
	c.bad = c.bad || err != nil
}

// await reads a frame, whatever it is.
func (c *scripted) await() {
	if c.bad {
		return
	}
	var h [10]byte
	if _, err := io.ReadFull(c.in, h[:2]); err != nil {
		c.bad = true
		return
	}
	n := int64(h[1])
	if more := map[int64]int{126: 2, 127: 8}[n]; more > 0 {
		if _, err := io.ReadFull(c.in, h[2:2+more]); err != nil {
			c.bad = true
			return
		}
		n = 0
		for _, b := range h[2 : 2+more] {
			n = n<<8 | int64(b)
		}
	}
	if _, err := io.CopyN(io.Discard, c.in, n); err != nil {
		c.bad = true
	}
}
