//go:build faults && linux

package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/inject"
)

// errnos are those that a call can come to by its manual page, and the network's that
// accept hands over. accept4 has no EAGAIN here, which it never comes to while somebody
// is waiting: its poller is told of that only once.
var errnos = map[inject.Site][]syscall.Errno{
	inject.Accept: {
		syscall.EBADF, syscall.ECONNABORTED, syscall.EFAULT, syscall.EINTR, syscall.EINVAL, syscall.EMFILE,
		syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOTSOCK, syscall.EOPNOTSUPP, syscall.EPERM,
		syscall.EPROTO, syscall.ENETDOWN, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.ENONET,
		syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.ECONNRESET, syscall.ENOSYS,
	},
	inject.Read: {
		syscall.EAGAIN, syscall.EBADF, syscall.ECONNREFUSED, syscall.EFAULT, syscall.EINTR, syscall.EINVAL,
		syscall.ENOMEM, syscall.ENOTCONN, syscall.ENOTSOCK, syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.EHOSTUNREACH,
	},
	inject.Write: {
		syscall.EACCES, syscall.EAGAIN, syscall.EALREADY, syscall.EBADF, syscall.ECONNRESET, syscall.EDESTADDRREQ,
		syscall.EFAULT, syscall.EINTR, syscall.EINVAL, syscall.EISCONN, syscall.EMSGSIZE, syscall.ENOBUFS,
		syscall.ENOMEM, syscall.ENOTCONN, syscall.ENOTSOCK, syscall.EOPNOTSUPP, syscall.EPIPE, syscall.ETIMEDOUT,
	},
	inject.Writev: {
		syscall.EAGAIN, syscall.EBADF, syscall.EDESTADDRREQ, syscall.EDQUOT, syscall.EFAULT, syscall.EFBIG,
		syscall.EINTR, syscall.EINVAL, syscall.EIO, syscall.ENOSPC, syscall.EPERM, syscall.EPIPE,
		syscall.ECONNRESET, syscall.ENOBUFS, syscall.ENOMEM,
	},
	inject.Shutdown:   {syscall.EBADF, syscall.EINVAL, syscall.ENOTCONN, syscall.ENOTSOCK, syscall.ENOBUFS},
	inject.Close:      {syscall.EBADF, syscall.EINTR, syscall.EIO, syscall.ENOSPC, syscall.EDQUOT},
	inject.LocalAddr:  {syscall.EBADF, syscall.EFAULT, syscall.EINVAL, syscall.ENOBUFS, syscall.ENOTSOCK},
	inject.RemoteAddr: {syscall.EBADF, syscall.EFAULT, syscall.EINVAL, syscall.ENOBUFS, syscall.ENOTCONN, syscall.ENOTSOCK},
	inject.NoDelay:    {syscall.EBADF, syscall.EFAULT, syscall.EINVAL, syscall.ENOPROTOOPT, syscall.ENOTSOCK, syscall.ENOMEM},
	inject.Option:     {syscall.EBADF, syscall.EFAULT, syscall.EINVAL, syscall.ENOPROTOOPT, syscall.ENOTSOCK, syscall.ENOMEM, syscall.EDOM},
	inject.Duplicate:  {syscall.EBADF, syscall.EINVAL, syscall.EMFILE},
	inject.Nonblock:   {syscall.EBADF, syscall.EAGAIN, syscall.EPERM},
	inject.Pair: {
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS, syscall.EAFNOSUPPORT, syscall.EFAULT, syscall.EPROTONOSUPPORT,
	},
	inject.EpollCreate: {
		syscall.EINVAL, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
	},
	inject.EpollAdd:    {syscall.EBADF, syscall.EEXIST, syscall.EINVAL, syscall.ELOOP, syscall.ENOMEM, syscall.ENOSPC, syscall.EPERM},
	inject.EpollModify: {syscall.EBADF, syscall.EINVAL, syscall.ENOENT, syscall.ENOMEM, syscall.EPERM},
	inject.EpollRemove: {syscall.EBADF, syscall.EINVAL, syscall.ENOENT, syscall.EPERM},
	inject.EpollWait:   {syscall.EBADF, syscall.EFAULT, syscall.EINTR, syscall.EINVAL},
}

// way is how the tortured server gets its connections.
type way int

const (
	listening way = iota
	listeningTLS
	upgrading // from net/http: over a bridge and, at the second address, moved to the loop
	upgradingTLS
)

func (w way) secure() bool { return w == listeningTLS || w == upgradingTLS }

// Every call to the system that a script leads to fails once with everything it can
// fail with: nothing panics, nothing leaks, no connection is stuck.
//
//	go test -tags faults -run TestTorture ./server
func TestTorture(t *testing.T) {
	calls := countCalls(t, listening)
	for s := range inject.Sites {
		if s == inject.Pair {
			continue // of bridges: TestTorture_Upgrading
		}
		n := calls[s]
		if n == 0 || len(errnos[s]) == 0 {
			t.Errorf("%v was not visited: %d calls, %d error numbers", s, n, len(errnos[s]))
		}
		t.Run(s.String(), func(t *testing.T) { tortureSite(t, listening, s, n, errnos[s]) })
	}
}

// Over TLS, too: a call may fail in the middle of a handshake or of a record, or while
// an alert is sent. What is below TLS has been through all of it; here calls fail with
// what ends a connection and what does not.
func TestTorture_OverTLS(t *testing.T) {
	for s, n := range countCalls(t, listeningTLS) {
		if s := inject.Site(s); n > 0 {
			t.Run(s.String(), func(t *testing.T) { tortureSite(t, listeningTLS, s, n, endAndGoOn(s)) })
		}
	}
}

// Connections of net/http's are taken out of it by calls that may fail as well, and those
// that are bridged have sockets more: of their making everything fails, of the rest some.
func TestTorture_Upgrading(t *testing.T) {
	for name, w := range map[string]way{"plain": upgrading, "tls": upgradingTLS} {
		t.Run(name, func(t *testing.T) {
			calls := countCalls(t, w)
			for _, s := range []inject.Site{inject.Pair, inject.Duplicate, inject.Nonblock} {
				if calls[s] == 0 {
					t.Errorf("%v was not visited", s)
				}
			}
			for s, n := range calls {
				s := inject.Site(s)
				with := endAndGoOn(s)
				if s == inject.Pair {
					with = errnos[s]
				}
				if n > 0 {
					t.Run(s.String(), func(t *testing.T) { tortureSite(t, w, s, n, with) })
				}
			}
		})
	}
}

// countCalls plays the script without a fault.
func countCalls(t *testing.T, w way) (n [inject.Sites]int64) {
	var calls [inject.Sites]atomic.Int64
	torture(t, w, "no fault", func(s inject.Site) syscall.Errno { calls[s].Add(1); return 0 })
	for s := range n {
		n[s] = calls[s].Load()
	}
	return n
}

// endAndGoOn are an error number that is for good, and EAGAIN where that may come.
func endAndGoOn(s inject.Site) []syscall.Errno {
	some := errnos[s][:1]
	if slices.Contains(errnos[s], syscall.EAGAIN) && some[0] != syscall.EAGAIN {
		some = []syscall.Errno{some[0], syscall.EAGAIN}
	}
	return some
}

// tortureSample is how many calls of a site fail other than for a server that listens without
// TLS, spread over all there are: what is sent as records takes hundreds.
const tortureSample = 12

// tortureSite has each of n calls at a site fail with each error number.
func tortureSite(t *testing.T, w way, s inject.Site, n int64, with []syscall.Errno) {
	runs, injected := 0, 0
	stride := int64(1)
	if w != listening {
		stride = 1 + n/tortureSample
	}
	for k := int64(1); k <= n; k += stride {
		for _, errno := range with {
			var at atomic.Int64
			var hit atomic.Bool
			torture(t, w, fmt.Sprintf("call %d of %v fails with %v", k, s, errno), func(site inject.Site) syscall.Errno {
				if site != s || at.Add(1) != k {
					return 0
				}
				hit.Store(true)
				return errno
			})
			runs++
			if hit.Load() {
				injected++
			}
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	// How many times a loop looks for events is not always the same.
	if injected < runs*3/4 {
		t.Errorf("of %d faults only %d came about", runs, injected)
	}
	t.Logf("%d calls, %d faults", n, injected)
}

// torture plays the script with a plan, and looks at what is left.
func torture(t *testing.T, w way, name string, plan func(inject.Site) syscall.Errno) {
	before := census()
	inject.Plan(plan)
	defer inject.Plan(nil)
	var opened, closed, again atomic.Int64
	logged := new(journal)
	srv := &Server{
		Addr: "127.0.0.1:0", Loops: 1, Logger: logged.logger(),
		TCP:     TCP{SendBuffer: 256 << 10, UserTimeout: time.Minute}, // each is set for the listener or a connection
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") }),
		Limits: Limits{
			HandshakeTimeout: 500 * time.Millisecond, IdleTimeout: time.Second, CloseTimeout: 300 * time.Millisecond,
			WriteTimeout: time.Second, MaxPending: 16 << 20,
		},
	}
	srv.OnConnection = func(c *conn.Conn) { opened.Add(1); _ = c.LocalAddr() }
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		if string(m.Payload) == "much" {
			for range 8 {
				_ = c.SendBinary(make([]byte, 1<<20))
			}
		}
		echo(c, m)
	}
	srv.OnClose = func(c *conn.Conn, _ conn.CloseInfo) {
		closed.Add(1)
		if c.Value() != nil {
			again.Add(1)
		}
		c.SetValue(true)
	}
	addrs, ended := beTortured(srv, w)
	if len(addrs) > 0 {
		script(dialer(w.secure()), addrs, func() bool { return srv.Stats().Pending > 0 })
	}

	// Whatever has failed, nobody outlives the timeouts.
	deadline := time.Now().Add(10 * time.Second)
	for srv.Stats().Clients > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := srv.Stats().Clients; n > 0 {
		t.Errorf("%s: %d connections are stuck", name, n)
	}
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %v", name, err)
	}
	_ = srv.Close()
	ended()
	http.DefaultClient.CloseIdleConnections()
	if now, ok := before.comesBack(); !ok {
		t.Errorf("%s: %v before, %v after\n%s", name, before, now, stacks())
	}
	st := srv.Stats()
	if opened.Load() != closed.Load() || again.Load() != 0 || st.Panics != 0 || st.Buffers != 0 || st.Timers != 0 || st.Pending != 0 {
		t.Errorf("%s: %d opened, %d closed, %d twice; left: %+v", name, opened.Load(), closed.Load(), again.Load(), st)
	}
	if n := logged.lines("panic"); n > 0 {
		t.Errorf("%s: %s", name, logged)
	}
}

// beTortured has a server serve, at two addresses if it can; ended waits for the end.
func beTortured(srv *Server, w way) (addrs []string, ended func()) {
	var serving sync.WaitGroup
	begin, serve := srv.Start, srv.Serve
	switch w {
	case listeningTLS:
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}}
		begin = func() error { return srv.StartTLS("", "") }
		serve = func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }
	case upgrading:
		return beUpgraded(srv, listenOddly, listenLocally)
	case upgradingTLS:
		return beUpgraded(srv, listenTLS, listenMovably)
	}
	if err := begin(); err == nil {
		addrs = []string{srv.ListenAddr().String()}
		if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
			addrs = append(addrs, ln.Addr().String())
			serving.Go(func() { _ = serve(otherListener{ln}) })
		}
	}
	return addrs, serving.Wait
}

// beUpgraded has net/http serve at addresses, and upgrade what comes.
func beUpgraded(srv *Server, listen ...func() (net.Listener, error)) (addrs []string, ended func()) {
	hs := &http.Server{Handler: upgrades(srv, nil), ErrorLog: log.New(io.Discard, "", 0)}
	var serving sync.WaitGroup
	for _, listen := range listen {
		if ln, err := listen(); err == nil {
			addrs = append(addrs, ln.Addr().String())
			serving.Go(func() { _ = hs.Serve(ln) })
		}
	}
	return addrs, func() { _ = hs.Close(); serving.Wait() }
}

// otherListener is one that package server does not know.
type otherListener struct{ net.Listener }

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
