//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/platform"
)

func init() { parts["few descriptors"] = serveWithFewDescriptors }

// serveWithFewDescriptors is an echo server in a process with 64 descriptors. It
// prints its address, answers "attempts" with how often it tried to accept and how
// often it wrote to the log, and ends with its standard input.
func serveWithFewDescriptors() int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	var log journal
	var attempts atomic.Int64
	s := &Server{Loops: 1, Logger: log.logger(), Limits: Limits{HandshakeTimeout: time.Hour}, OnMessage: func(c *conn.Conn, m conn.Message) {
		if m.String() == "attempts" {
			_ = c.SendText(fmt.Sprint(attempts.Load(), " ", log.lines("cannot accept")))
			return
		}
		echo(c, m)
	}}
	go s.Serve(countedListener{ln, &attempts})
	for s.ListenAddr() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := setDescriptorLimit(64); err != nil {
		return 3
	}
	fmt.Println(ln.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s.Close()
	if log.lines("too many open files") == 0 {
		return 4
	}
	return 0
}

// countedListener brings a platform on which it is counted how often it is accepted from.
type countedListener struct {
	net.Listener
	attempts *atomic.Int64
}

func (l countedListener) Platform() platform.Platform { return countedPlatform{ln: l} }

type countedPlatform struct {
	platform.Real
	ln countedListener
}

func (p countedPlatform) Sockets() platform.Sockets {
	return countedSockets{p.Real.Sockets(), p.ln}
}

type countedSockets struct {
	platform.Sockets
	ln countedListener
}

func (s countedSockets) Listen(net.Listener) (platform.Listener, error) {
	from, err := s.Sockets.Listen(s.ln.Listener)
	return countedAccepts{from, s.ln.attempts}, err
}

type countedAccepts struct {
	platform.Listener
	attempts *atomic.Int64
}

func (l countedAccepts) Accept() (platform.Accepted, error) {
	l.attempts.Add(1)
	return l.Listener.Accept()
}

func setDescriptorLimit(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	setCur(&limit, n)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

// setCur sets a field whose type differs from one system to the next.
func setCur(l *syscall.Rlimit, n uint64) { assign(&l.Cur, n) }

func assign[T ~int64 | ~uint64](v *T, n uint64) { *v = T(n) }

func TestAccept_OutOfDescriptors(t *testing.T) {
	parallel(t)
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), partEnv+"=few descriptors")
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			_ = server.Process.Kill()
			_ = server.Wait()
		}
	}()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr = strings.TrimSpace(addr)

	live := dialAddr(t, "tcp", addr)
	live.handshake()
	began := time.Now()
	var storm []net.Conn
	for range 300 {
		c, err := net.DialTimeout("tcp", addr, 5*time.Second)
		if err != nil {
			break // the kernel's queue is full
		}
		defer c.Close()
		storm = append(storm, c)
	}
	if len(storm) < 100 {
		t.Fatalf("%d dials succeeded", len(storm))
	}
	attempts := func() (n, lines int) {
		live.text("attempts")
		_, text := live.next()
		if _, err := fmt.Sscan(text, &n, &lines); err != nil {
			t.Fatalf("got %q: %v", text, err)
		}
		return n, lines
	}
	eventually(t, "the descriptors to run out", func() bool { _, lines := attempts(); return lines > 0 })
	before, _ := attempts()
	begin := time.Now()
	for time.Since(begin) < time.Second {
		live.alive() // live connections notice nothing
		time.Sleep(5 * time.Millisecond)
	}
	after, lines := attempts()
	if n, took := after-before, time.Since(begin); n > 20*int(1+took/time.Second) {
		t.Errorf("%d attempts to accept in %v without descriptors", n, took)
	}
	if took := time.Since(began); lines > int(4+took/time.Second) {
		t.Errorf("%d lines in the log in %v", lines, took)
	}

	for _, c := range storm {
		c.Close()
	}
	late := dialAddr(t, "tcp", addr)
	late.handshake()
	late.alive()
	live.alive()

	in.Close()
	ended = true
	if err := server.Wait(); err != nil {
		t.Errorf("the server: %v", err)
	}
}

func TestAccept_NewConnectionsGoToTheLoopWithTheFewest(t *testing.T) {
	s := start(t, &Server{Loops: 3, OnMessage: echo})
	loads := func() (n [3]int64) {
		for i, l := range s.run.loops {
			n[i] = l.Load()
		}
		return n
	}
	var peers []*peer
	for range 9 {
		p := dial(t, s)
		p.alive()
		peers = append(peers, p)
	}
	if got := loads(); got != [3]int64{3, 3, 3} {
		t.Errorf("9 connections are spread %v", got)
	}
	// The first, fourth and seventh are on the first loop.
	for _, i := range []int{0, 3, 6} {
		peers[i].Close()
	}
	eventually(t, "three to be gone", func() bool { return load(s) == 6 })
	if got := loads(); got != [3]int64{0, 3, 3} {
		t.Errorf("then 6 are spread %v", got)
	}
	for range 3 {
		dial(t, s).alive()
	}
	if got := loads(); got != [3]int64{3, 3, 3} {
		t.Errorf("9 again are spread %v", got)
	}
}

func TestAccept_NoDelayIsSet(t *testing.T) {
	onlyNative(t, "options are looked up by descriptor")
	delay := make(chan int, 1)
	s := start(t, &Server{OnConnection: func(c *conn.Conn) {
		fd := fdOf(c)
		on, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		if err != nil {
			t.Error(err)
		}
		delay <- on
	}})
	dial(t, s)
	if receive(t, delay) == 0 {
		t.Error("frames would wait for the acknowledgement of those before")
	}
}

// A connection that was accepted when its loop had ended is closed.
func TestAccept_TooLateForTheLoop(t *testing.T) {
	s := start(t, &Server{Loops: 1})
	l := s.run.loops[0]
	p := dial(t, s)
	p.Close()
	eventually(t, "nobody to be left", func() bool { return load(s) == 0 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := countDescriptors()
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	l.Deliver(gate.Accepted{Accepted: platform.Accepted{FD: fds[0]}})
	l.Deliver(gate.Accepted{Accepted: platform.Accepted{FD: fds[1]}})
	noMoreDescriptors(t, before)
	if got := s.run.leastLoaded(); got.Load() < 1<<32 {
		t.Errorf("a loop that has ended counts as one with %d connections", got.Load())
	}
}
