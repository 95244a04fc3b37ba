package conn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// tunnel is a listener whose connections are those of a WebSocket server, and a function that dials it.
type tunnel struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	dial  func() net.Conn
}

func newTunnel(t *testing.T) *tunnel {
	l := &tunnel{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &server.Server{Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) {
		nc := conn.NetConn(c, conn.Binary)
		select {
		case l.conns <- nc:
		case <-l.done:
		}
	}
	url := serving(t, srv)
	l.dial = func() net.Conn { return conn.NetConn(dialled(t, url), conn.Binary) }
	return l
}

func (l *tunnel) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *tunnel) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *tunnel) Addr() net.Addr { return &net.TCPAddr{} }

// pair is both ends of a tunnel's connection.
func pair(t *testing.T) (near, far net.Conn) {
	l := newTunnel(t)
	near = l.dial()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

// A server of package net/http serves over messages, and a client asks it so.
func TestNetConn_ServesHTTP(t *testing.T) {
	l := newTunnel(t)
	body := strings.Repeat("a long answer, ", 50_000)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%d bytes from %s: %s", len(asked), r.RemoteAddr, body)
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	asking := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return l.dial(), nil },
	}}
	defer asking.CloseIdleConnections()
	for range 3 {
		answer, err := asking.Post("http://behind.example/", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		want := fmt.Sprintf("%d bytes from 127.0.0.1:", len(body))
		if err != nil || !strings.HasPrefix(string(got), want) || !strings.HasSuffix(string(got), body) {
			t.Fatalf("%d bytes, %v: %.60s", len(got), err, got)
		}
	}
}

func TestNetConn_CarriesTLS(t *testing.T) {
	near, far := pair(t)
	inside := tls.Server(far, testcert.Config())
	trusting := testcert.Trusting()
	trusting.ServerName = "localhost"
	outside := tls.Client(near, trusting)
	echoed := make(chan error, 1)
	go func() {
		_, err := io.Copy(inside, inside)
		_ = inside.Close()
		echoed <- err
	}()
	sent := bytes.Repeat([]byte("over TLS over messages "), 10_000)
	go func() {
		_, _ = outside.Write(sent)
		_ = outside.CloseWrite()
	}()
	got, err := io.ReadAll(outside)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
	}
	if err := <-echoed; err != nil {
		t.Errorf("the echo: %v", err)
	}
	_ = outside.Close()
}

// A deadline ends calls, also one that waits, and not the connection.
func TestNetConn_Deadlines(t *testing.T) {
	near, far := pair(t)
	defer near.Close()
	defer far.Close()
	late := func(err error) bool {
		var timeout net.Error
		return errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &timeout) && timeout.Timeout()
	}
	buf := make([]byte, 16)
	_ = near.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if _, err := near.Read(buf); !late(err) {
		t.Errorf("Read: %v", err)
	}
	_ = near.SetReadDeadline(time.Time{})
	ended := make(chan error, 1)
	go func() {
		_, err := near.Read(buf)
		ended <- err
	}()
	_ = near.SetDeadline(time.Unix(1, 0))
	if err := <-ended; !late(err) {
		t.Errorf("Read that waited: %v", err)
	}
	if _, err := near.Write(buf); !late(err) {
		t.Errorf("Write: %v", err)
	}
	_ = near.SetDeadline(time.Time{})
	for to, from := range map[net.Conn]net.Conn{near: far, far: near} {
		_, err := to.Write([]byte("x"))
		if n, err2 := from.Read(buf); err != nil || err2 != nil || n != 1 {
			t.Errorf("afterwards: %v, %v", err, err2)
		}
	}
	// Nobody reads at the other end: Write ends when it may wait no longer.
	_ = near.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	for long := make([]byte, 1<<20); ; {
		if _, err := near.Write(long); late(err) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestNetConn_End(t *testing.T) {
	near, far := pair(t)
	waiting := make(chan error, 1)
	go func() {
		_, err := near.Read(make([]byte, 1))
		waiting <- err
	}()
	_, _ = near.Write([]byte("last words"))
	if err := near.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read at the end that closed: %v", err)
	}
	if got, err := io.ReadAll(far); err != nil || string(got) != "last words" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := far.Write([]byte("x")); !errors.Is(err, conn.ErrClosed) {
		t.Errorf("Write after the end: %v", err)
	}
	_ = far.Close()
}

func TestNetConn_OtherTypeOfMessage(t *testing.T) {
	reads := make(chan error, 1)
	srv := &server.Server{Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) {
		_, err := conn.NetConn(c, conn.Binary).Read(make([]byte, 1))
		reads <- err
	}
	c := dialled(t, serving(t, srv))
	_ = c.SendText("not binary")
	if err := <-reads; err == nil || !strings.Contains(err.Error(), "text") {
		t.Errorf("Read: %v", err)
	}
	_, err := c.Receive(t.Context())
	var info conn.CloseInfo
	if !errors.As(err, &info) || info.Received != frame.UnsupportedData || errors.Is(err, io.EOF) {
		t.Errorf("Receive: %v", err)
	}
}
