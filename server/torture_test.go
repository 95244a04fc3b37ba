//go:build faults && linux

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/inject"
)

// way is how the tortured server gets its connections.
type way int

const (
	listening way = iota
	listeningTLS
	upgrading // from net/http: relayed and, at the second address, moved to the loop
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
		if slices.Contains(elsewhere, s) {
			continue // of the other poller
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

// Connections of net/http's are taken out of it by calls that may fail as well. Those that are relayed are read
// and written by package net.
func TestTorture_Upgrading(t *testing.T) {
	for name, w := range map[string]way{"plain": upgrading, "tls": upgradingTLS} {
		t.Run(name, func(t *testing.T) {
			calls := countCalls(t, w)
			for _, s := range []inject.Site{inject.Duplicate, inject.Nonblock} {
				if calls[s] == 0 {
					t.Errorf("%v was not visited", s)
				}
			}
			for s, n := range calls {
				s := inject.Site(s)
				if n > 0 {
					t.Run(s.String(), func(t *testing.T) { tortureSite(t, w, s, n, endAndGoOn(s)) })
				}
			}
		})
	}
}

// countCalls plays the script without a fault, three times: how often a loop looks for events
// differs, and a call that is not always made would be waited for in vain.
func countCalls(t *testing.T, w way) (n [inject.Sites]int64) {
	for again := range 3 {
		var calls [inject.Sites]atomic.Int64
		torture(t, w, "no fault", func(s inject.Site) syscall.Errno { calls[s].Add(1); return 0 })
		for s := range n {
			if c := calls[s].Load(); again == 0 || c < n[s] {
				n[s] = c
			}
		}
	}
	return n
}

// tortureSample is how many calls of a site fail other than for a server that listens without
// TLS, spread over all there are: what is sent as records takes hundreds.
const tortureSample = 12

// tortureSite has each of n calls at a site fail with each error number. How many times a loop looks for events is
// not always the same. So if few of the faults have come about, it tries once more.
func tortureSite(t *testing.T, w way, s inject.Site, n int64, with []syscall.Errno) {
	runs, injected := 0, 0
	for again := 0; again < 2 && (runs == 0 || injected < runs*3/4); again++ {
		runs, injected = tortureCalls(t, w, s, n, with)
	}
	if injected < runs*3/4 {
		t.Errorf("of %d faults only %d came about", runs, injected)
	}
	t.Logf("%d calls, %d faults", n, injected)
}

func tortureCalls(t *testing.T, w way, s inject.Site, n int64, with []syscall.Errno) (runs, injected int) {
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
	return runs, injected
}

// torture plays the script with a plan, and looks at what is left.
func torture(t *testing.T, w way, name string, plan func(inject.Site) syscall.Errno) {
	before := census(t)
	inject.Plan(plan)
	defer inject.Plan(nil)
	var opened, closed, again atomic.Int64
	logged := new(journal)
	srv := &Server{
		Addr: "127.0.0.1:0", Loops: 1, Logger: logged.logger(),
		TCP:     TCP{SendBuffer: 256 << 10, UserTimeout: time.Minute}, // each is set for the listener or a connection
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") }),
		Limits: Limits{
			HandshakeTimeout: 500 * time.Millisecond, Limits: conn.Limits{IdleTimeout: time.Second, CloseTimeout: 300 * time.Millisecond,
				WriteTimeout: time.Second, MaxPending: 16 << 20},
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
	deadline := time.Now().Add(patience)
	for srv.Stats().Clients > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := srv.Stats().Clients; n > 0 {
		t.Errorf("%s: %d connections are stuck", name, n)
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if _, err := srv.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %v", name, err)
	}
	_ = srv.Close()
	ended()
	http.DefaultClient.CloseIdleConnections()
	if now, ok := before.comesBack(t); !ok {
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
