//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
)

// withDescriptors runs f while the process may open n more descriptors.
func withDescriptors(t *testing.T, n int, f func()) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// The lowest number is given out first: with those below the highest in use
	// filled up, the limit counts.
	highest := countDescriptors() + 64
	var fill []int
	for fd := 0; fd < highest; fill = append(fill, fd) {
		var err error
		if fd, err = syscall.Dup(0); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, fd := range fill {
			_ = syscall.Close(fd)
		}
	}()
	low := limit
	setCur(&low, uint64(fill[len(fill)-1]+1+n))
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

// Each descriptor that a start takes may be the one that is not to be had: then it
// fails, says why, and gives back those it has.
func TestStart_OutOfDescriptors(t *testing.T) {
	onlyNative(t, "there is no poller that can fail")
	for n := range 30 {
		s := &Server{}
		prepare(s)
		before := countDescriptors()
		var err error
		withDescriptors(t, n, func() { err = s.Start() })
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if n < 3 {
				t.Errorf("started with %d descriptors", n)
			}
			return
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Errorf("with %d descriptors: %v, want EMFILE", n, err)
		}
		noMoreDescriptors(t, before)
		if s.ListenAddr() != nil {
			t.Errorf("with %d descriptors: listening on %v", n, s.ListenAddr())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Error("never started")
}

func TestHandler_OutOfDescriptorsGets503(t *testing.T) {
	onlyNative(t, "they need no other descriptor")
	var log journal
	s := handled(describe)
	s.Logger = log.logger()
	start(t, s)
	p := dialRaw(t, s)
	eventually(t, "it to be taken in", func() bool { return load(s) == 1 })
	withDescriptors(t, 0, func() {
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		p.expectRefusal(503)
	})
	log.expect(t, "cannot hand a request to net/http")
}

// A loop that cannot wait any more cuts its connections, and gets no new ones.
func TestLoop_WaitFails(t *testing.T) {
	onlyNative(t, "there is no poller that can fail")
	var log journal
	closed := make(chan conn.CloseInfo, 10)
	s := &Server{Logger: log.logger(), OnConnection: func(c *conn.Conn) {
		c.OnClose(func(_ *conn.Conn, info conn.CloseInfo) { closed <- info })
	}}
	s.OnMessage = func(c *conn.Conn, m conn.Message) {
		if m.String() != "break" {
			echo(c, m)
			return
		}
		_ = s.run.loops[0].Poller().Close() // the first client is the first loop's
	}
	start(t, s)
	first, second := dial(t, s), dial(t, s)
	first.alive()
	second.alive()
	first.text("break")
	first.expectGone()
	if info := receive(t, closed); !errors.Is(info.Err, loop.ErrUnwatched) {
		t.Errorf("closed with %v", info)
	}
	log.expect(t, "event loop cannot wait")
	receive(t, s.run.loops[0].Done()) // until then it may be given one
	second.alive()
	for range 3 {
		dial(t, s).alive()
	}
}

// A connection that the poller will not watch is ended by its timer.
func TestLoop_WatchingFails(t *testing.T) {
	onlyNative(t, "there is no poller that can fail")
	if runtime.GOOS != "linux" {
		t.Skip("kqueue does not tell")
	}
	var log journal
	closed := make(chan conn.CloseInfo, 1)
	s := &Server{Loops: 1, Overflow: conn.OverflowRefuse, Logger: log.logger(),
		OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
	s.OnMessage = func(c *conn.Conn, m conn.Message) {
		_ = s.run.loops[0].Poller().Remove(fdOf(c))
		for c.SendBinary(make([]byte, 64<<10)) == nil { // until it waits for the socket
		}
	}
	start(t, s)
	p := dial(t, s)
	p.text("x")
	if info := receive(t, closed); !errors.Is(info.Err, loop.ErrUnwatched) || info.Unsent == 0 {
		t.Errorf("closed with %v", info)
	}
	log.expect(t, "cannot watch a connection")
}

func TestAccept_WatchingFails(t *testing.T) {
	var log journal
	s := start(t, &Server{Loops: 1, Logger: log.logger(), OnMessage: echo})
	before := countDescriptors()
	s.run.loops[0].Deliver(gate.Accepted{Accepted: platform.Accepted{FD: 1 << 20}}) // not open
	log.expect(t, "cannot watch a connection")
	eventually(t, "it to be forgotten", func() bool { return load(s) == 0 })
	noMoreDescriptors(t, before)
	dial(t, s).alive()
}

// A client that was accepted before the listener closed, but reaches its loop later, gets 101 and then a Close
// frame.
func TestShutdown_AnswersClientsThatComeIntoTheDrain(t *testing.T) {
	s := start(t, &Server{Loops: 1})
	stays := dial(t, s)
	done := make(chan error, 1)
	go func() { done <- drain(s, context.Background()) }()
	stays.expectClose(frame.GoingAway)

	ln := listenLocal(t)
	defer ln.Close()
	late := dialAddr(t, "tcp", ln.Addr().String())
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := platform.Real{}.Sockets().Take(nc)
	if err != nil {
		t.Fatal(err)
	}
	s.run.loops[0].Deliver(gate.Accepted{Accepted: taken})
	late.handshake()
	late.expectClose(frame.GoingAway)
	late.close(frame.GoingAway, "")
	late.expectEOF()

	stays.close(frame.GoingAway, "")
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}

// A long refusal goes on after the client has ended its own direction, is given up
// when the client resets, and is not waited for without end.
func TestCheck_LongRefusal(t *testing.T) {
	parallel(t)
	body := strings.Repeat("no ", 1<<20)
	refusing := func(timeout time.Duration) (s *Server, ask func() *peer) {
		s = start(t, &Server{Loops: 1, TCP: TCP{SendBuffer: 64 << 10}, // so that the system holds little of it
			Limits: Limits{HandshakeTimeout: timeout}, Check: func(*Handshake) error { return &Refusal{Body: body} }})
		return s, func() *peer {
			p := dialRaw(t, s)
			_ = p.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			p.send(with())
			return p
		}
	}

	s, ask := refusing(time.Minute)
	half := ask()
	if err := half.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(body)) // before: it has two seconds for the last of it
	if n, err := io.ReadFull(half.expectStatus(403).Body, got); err != nil || string(got) != body {
		t.Errorf("got %d bytes, %v; want %d", n, err, len(body))
	}
	half.expectEOF()

	reset := ask()
	reset.expectStatus(403)
	_ = reset.Conn.(*net.TCPConn).SetLinger(0)
	reset.Close()
	eventually(t, "it to be forgotten", func() bool { return load(s) == 0 })

	s, ask = refusing(300 * time.Millisecond)
	l := s.run.loops[0]
	lazy := ask() // reads nothing
	eventually(t, "it to be taken in", func() bool { return s.Stats().Accepted == 1 })
	eventually(t, "it to be given up", func() bool { return l.Load() == 0 })
	eventually(t, "its buffers to be given back", func() bool { n, _ := unopened(l).Lent(); return n == 0 })
	lazy.expectGone()

	// Nor does it hold up an end.
	ask()
	eventually(t, "it to be taken in", func() bool { return s.Stats().Accepted == 2 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestListen_ClientsThatLeaveAtOnce(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	for i := range 100 {
		p := dialRaw(t, s)
		p.send(with()[:i])
		if i%2 == 0 {
			_ = p.Conn.(*net.TCPConn).SetLinger(0) // a reset
		}
		p.Close()
	}
	eventually(t, "all to be forgotten", func() bool { return load(s) == 0 })
	dial(t, s).alive()
}

// A request is answered, too, when its connection cannot be had for want of descriptors. One that is relayed
// needs none.
func TestUpgrade_WithoutDescriptorsGets503(t *testing.T) {
	onlyNative(t, "they need no other descriptor")
	s, results := &Server{OnMessage: echo}, make(chan error, 1)
	short := true // used by one request after the other
	web := serveWebOn(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !short {
			results <- s.Upgrade(w, r, nil)
			return
		}
		short = false
		withDescriptors(t, 0, func() { results <- s.Upgrade(w, r, nil) })
	}), listenLocally)
	if _, err := s.runUpgrades(); err != nil {
		t.Fatal(err)
	}
	p := web.dialRaw(t)
	p.send(with("A: b"))
	if resp, _ := p.expectRefusal(503); resp.Header.Get("Retry-After") == "" {
		t.Errorf("header %v", resp.Header)
	}
	if err := receive(t, results); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v", err)
	}
	s.run.nobody(t)
	web.dial(t).alive()
	if err := receive(t, results); err != nil {
		t.Error(err)
	}
}

func TestUpgrade_RelayedNeedsNoDescriptor(t *testing.T) {
	s, results := &Server{OnMessage: echo}, make(chan error, 1)
	web := serveWebOn(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		withDescriptors(t, 0, func() { results <- s.Upgrade(w, r, nil) })
	}), listenOddly)
	if _, err := s.runUpgrades(); err != nil {
		t.Fatal(err)
	}
	web.dial(t).alive()
	if err := receive(t, results); err != nil {
		t.Error(err)
	}
}
