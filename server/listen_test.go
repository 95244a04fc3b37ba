package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/loopback"
)

func listenLocal(t testing.TB) net.Listener {
	t.Helper()
	return listenOn(t, "127.0.0.1:0")
}

func listenOn(t testing.TB, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func TestListen_Networks(t *testing.T) {
	if ln, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here")
	} else {
		ln.Close()
	}
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for _, test := range []struct {
			name, addr string
			dial       func(*Server) (network, addr string)
			remote     string // address the program sees
		}{
			{"IPv4", "127.0.0.1:0", nil, "127.0.0.1"},
			{"IPv6", "[::1]:0", nil, "::1"},
			{"name", "localhost:0", nil, ""},
			{"all", ":0", func(s *Server) (string, string) {
				_, port, _ := net.SplitHostPort(s.ListenAddr().String())
				return "tcp4", "127.0.0.1:" + port
			}, "127.0.0.1"},
			{"unix", "unix:" + filepath.Join(t.TempDir(), "s"), nil, "invalid IP"},
		} {
			t.Run(test.name, func(t *testing.T) {
				remotes := make(chan netip.AddrPort, 1)
				s := &Server{Addr: test.addr, Dispatch: d, OnMessage: echo, OnConnection: func(c *conn.Conn) { remotes <- c.RemoteAddr() }}
				start(t, s)
				network, addr := s.ListenAddr().Network(), s.ListenAddr().String()
				if test.dial != nil {
					network, addr = test.dial(s)
				}
				p := dialAddr(t, network, addr)
				p.handshake()
				p.alive()
				remote := receive(t, remotes)
				if test.remote != "" && remote.Addr().String() != test.remote {
					t.Errorf("remote address %v, want %s", remote, test.remote)
				}
				eventually(t, "the client to be listed", func() bool { return s.ClientCount() == 1 })
				if _, ok := s.Client(remote); ok != remote.IsValid() {
					t.Errorf("looked up %v: %v", remote, ok)
				}
				p.Close()
				eventually(t, "it to be gone", func() bool { return s.ClientCount() == 0 })
			})
		}
	})
}

func TestListen_AddressInUse(t *testing.T) {
	first := start(t, &Server{})
	second := &Server{Addr: first.ListenAddr().String()}
	for _, run := range []func() error{second.Start, second.ListenAndServe} {
		if err := run(); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v, want EADDRINUSE", err)
		}
	}
	if err := drain(second, context.Background()); err != nil {
		t.Error(err)
	}
}

func TestServe_SeveralListeners(t *testing.T) {
	s := &Server{OnMessage: echo}
	prepare(s)
	served := make(chan error, 3)
	var addrs []net.Addr
	unix, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ln := range []net.Listener{listenOn(t, loopback.Own()), listenOn(t, loopback.Own()), unix} {
		addrs = append(addrs, ln.Addr())
		go func() { served <- s.Serve(ln) }()
		eventually(t, "the listener", func() bool { return s.ListenAddr() != nil })
	}
	if s.ListenAddr().String() != addrs[0].String() {
		t.Errorf("ListenAddr is %v, want the first of %v", s.ListenAddr(), addrs)
	}
	for _, addr := range addrs {
		p := dialAddr(t, addr.Network(), addr.String())
		p.handshake()
		p.alive()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range addrs {
		if err := receive(t, served); err != ErrServerClosed {
			t.Errorf("got %v, want ErrServerClosed", err)
		}
	}
	for _, addr := range addrs {
		if c, err := net.Dial(addr.Network(), addr.String()); err == nil {
			c.Close()
			t.Errorf("%v still accepts", addr)
		}
	}
	expectNothingHeld(t, s)
}

// One server listens on TCP, with TLS and without, and on unix sockets at once; its end is
// the end of all, and another process can have them all.
func TestServe_SeveralKindsOfListeners(t *testing.T) {
	onlyNative(t, "listeners show no file")
	s := &Server{OnMessage: echo, TLSConfig: &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}}}
	prepare(s)
	path := filepath.Join(t.TempDir(), "s")
	over, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 3)
	plain, secure := listenOn(t, loopback.Own()), listenOn(t, loopback.Own())
	for i, ln := range []net.Listener{plain, secure, over} {
		go func() {
			if ln == secure {
				served <- s.ServeTLS(ln, "", "")
				return
			}
			served <- s.Serve(ln)
		}()
		eventually(t, "the listener", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.acceptors) == i+1 })
	}
	converse := func() {
		t.Helper()
		for _, ln := range []net.Listener{plain, over} {
			p := dialAddr(t, ln.Addr().Network(), ln.Addr().String())
			p.handshake()
			p.alive()
			p.Close()
		}
		nc, err := tls.Dial("tcp", secure.Addr().String(), trusting())
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{t, nc, bufio.NewReader(nc)}
		p.handshake()
		p.alive()
		p.Close()
	}
	converse()

	files, err := s.ListenerFiles()
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i, f := range files {
		ln, err := net.FileListener(f)
		if err != nil || ln.Addr().String() != []net.Listener{plain, secure, over}[i].Addr().String() {
			t.Fatalf("file %d is of %v, %v", i, ln, err)
		}
		ln.Close()
		f.Close()
	}
	converse() // this one goes on

	if err := drain(s, context.Background()); err != nil {
		t.Error(err)
	}
	for range files {
		if err := receive(t, served); err != ErrServerClosed {
			t.Errorf("got %v, want ErrServerClosed", err)
		}
	}
	for _, ln := range []net.Listener{plain, secure, over} {
		if c, err := net.Dial(ln.Addr().Network(), ln.Addr().String()); err == nil {
			c.Close()
			t.Errorf("%v still accepts", ln.Addr())
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the path that was handed over: %v", err)
	}
	expectNothingHeld(t, s)
}

// A name that begins with @ is in Linux's abstract namespace, and in no file system.
func TestListen_AbstractUnixSocket(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("of Linux")
	}
	s := start(t, &Server{Addr: fmt.Sprintf("unix:@framerail-test-%d", os.Getpid()), OnMessage: echo})
	dial(t, s).alive()
	if _, err := os.Stat(s.ListenAddr().String()); err == nil {
		t.Error("it is in the file system")
	}
}

// Over unix sockets clients have no address, and no limit by it.
func TestListen_UnixSocketsHaveNoLimitByAddress(t *testing.T) {
	s := start(t, &Server{Addr: "unix:" + filepath.Join(t.TempDir(), "s"), OnMessage: echo, Limits: Limits{MaxConnectionsPerAddress: 1}})
	for range 3 {
		dial(t, s).alive()
	}
}

// counting is a listener of another package, which embeds net's as many do.
type counting struct {
	*net.TCPListener
	mu       sync.Mutex
	accepted int
	fail     []error // to return first
	wrap     func(net.Conn) net.Conn
}

func (c *counting) Accept() (net.Conn, error) {
	c.mu.Lock()
	if len(c.fail) > 0 {
		err := c.fail[0]
		c.fail = c.fail[1:]
		c.mu.Unlock()
		return nil, err
	}
	c.mu.Unlock()
	nc, err := c.TCPListener.Accept()
	if err == nil {
		c.mu.Lock()
		c.accepted++
		c.mu.Unlock()
		if c.wrap != nil {
			nc = c.wrap(nc)
		}
	}
	return nc, err
}

type temporaryError struct{}

func (temporaryError) Error() string   { return "busy for now" }
func (temporaryError) Temporary() bool { return true }

func TestServe_ListenerOfAnotherPackage(t *testing.T) {
	var log journal
	s := &Server{OnMessage: echo, Logger: log.logger()}
	prepare(s)
	ln := &counting{TCPListener: listenLocal(t).(*net.TCPListener), fail: []error{temporaryError{}, syscall.ECONNABORTED, syscall.EMFILE}}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	eventually(t, "the listener", func() bool { return s.ListenAddr() != nil })
	for range 3 {
		p := dial(t, s)
		p.alive()
		eventually(t, "the client to be listed", func() bool { return s.ClientCount() > 0 })
		if _, ok := s.Client(netip.MustParseAddrPort(p.LocalAddr().String())); !ok {
			t.Errorf("no client at %v", p.LocalAddr())
		}
	}
	if ln.accepted != 3 {
		t.Errorf("the listener has accepted %d of 3", ln.accepted)
	}
	log.expect(t, "busy for now")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := receive(t, served); err != ErrServerClosed {
		t.Errorf("got %v, want ErrServerClosed", err)
	}
	expectNothingHeld(t, s)
}

func TestServe_ClosedListenerEndsIt(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	p := dial(t, s)
	ln := &counting{TCPListener: listenLocal(t).(*net.TCPListener)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	ln.Close()
	if err := receive(t, served); !errors.Is(err, net.ErrClosed) || errors.Is(err, ErrServerClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
	p.alive()
	dial(t, s).alive() // the other listener goes on
}

func TestServe_AfterTheEnd(t *testing.T) {
	for name, s := range map[string]*Server{"ran": start(t, &Server{}), "never_ran": {Addr: "127.0.0.1:0"}} {
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("%s: Close: %v", name, err)
			}
			if err := drain(s, context.Background()); err != nil {
				t.Errorf("%s: Shutdown: %v", name, err)
			}
		}
		ln := listenLocal(t)
		for how, run := range map[string]func() error{
			"Start": s.Start, "ListenAndServe": s.ListenAndServe, "Serve": func() error { return s.Serve(ln) },
		} {
			if err := run(); err != ErrServerClosed {
				t.Errorf("%s: %s returned %v, want ErrServerClosed", name, how, err)
			}
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: the listener is still open: %v", name, err)
		}
	}
}

func TestServe_OptionsAreTakenAtTheStart(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Subprotocols: []string{"a"}})
	s.OnMessage = nil
	s.Subprotocols[0] = "b"
	s.HandshakeTimeout = time.Nanosecond
	p := dialRaw(t, s)
	if resp := p.handshake("Sec-WebSocket-Protocol: b, a"); resp.Header.Get("Sec-WebSocket-Protocol") != "a" {
		t.Errorf("header %v", resp.Header)
	}
	p.alive()
}

// Whoever closes an address must have it back at once, for the next process.
func TestRestart_OnTheSamePort(t *testing.T) {
	s := start(t, &Server{Addr: loopback.Own(), OnMessage: echo})
	addr := s.ListenAddr().String()
	for i := range 100 {
		p := dial(t, s)
		p.alive()
		stop := s.Close
		if i%2 == 0 {
			stop = func() error { return drain(s, context.Background()) }
			go func() { // a client that finishes as it should
				_, _, _ = p.read()
				p.close(1001, "")
			}()
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		s = &Server{Addr: addr, OnMessage: echo}
		prepare(s)
		if err := s.Start(); err != nil {
			t.Fatalf("restart %d: %v", i, err)
		}
		p.expectGone()
		p.Close()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	expectNothingHeld(t, s)
}
