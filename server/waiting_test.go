package server

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// dialFrom is a peer from one of this machine's addresses.
func dialFrom(t testing.TB, s *Server, from string) *peer {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	nc, err := d.Dial("tcp4", s.ListenAddr().String())
	if err != nil {
		t.Skipf("no connection from %s: %v", from, err) // not every system has all of 127/8
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(peerPatience))
	return &peer{t, nc, bufio.NewReader(nc)}
}

// floodFrom has connections come from an address without end, from which f takes one each time.
func floodFrom(t *testing.T, s *Server, from string, f func(net.Conn)) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	done := make(chan bool)
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			nc, err := d.DialContext(ctx, "tcp4", s.ListenAddr().String())
			if err != nil {
				continue
			}
			f(nc)
		}
	}()
	return func() { cancel(); <-done }
}

// aSecond is how many handshakes a second these tests let in: so few that hundreds of others would take minutes.
const aSecond = 2

// prompt fails unless a client of that address has its handshake done long before all that
// others have begun.
func prompt(t *testing.T, s *Server, from string) {
	t.Helper()
	begin := time.Now()
	p := dialFrom(t, s, from)
	p.handshake()
	if took := time.Since(begin); took > patience {
		t.Errorf("the handshake took %v", took)
	}
	p.alive()
}

// What one address wants beyond its limit costs no handshake of others.
func TestRate_RefusedConnectionsCostNothing(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Limits: Limits{HandshakesPerSecond: aSecond, MaxConnectionsPerAddress: 2}})
	for range 2 {
		dialFrom(t, s, "127.0.0.2").handshake()
	}

	stop := floodFrom(t, s, "127.0.0.2", func(nc net.Conn) { nc.Close() })
	eventually(t, "400 connections beyond the limit", func() bool { return s.Stats().Refused[ReasonAddress]+s.Stats().Refused[ReasonLeft] > 400 })
	prompt(t, s, "127.0.0.3")
	stop()
}

// A connection that its client has closed or reset before its turn comes costs nothing.
func TestRate_ConnectionsThatAreGoneCostNothing(t *testing.T) {
	onlyNative(t, "that a peer has gone is not known before it is read")
	s := start(t, &Server{OnMessage: echo, Limits: Limits{HandshakesPerSecond: aSecond}})
	for i := range 400 {
		p := dialFrom(t, s, "127.0.0.2")
		if i%2 == 0 {
			p.send("GET / HTTP/1.1\r\n")
			_ = p.Conn.(*net.TCPConn).SetLinger(0)
		}
		p.Close()
	}
	prompt(t, s, "127.0.0.2")
	eventually(t, "all of them to be counted", func() bool {
		st := s.Stats()
		return st.Accepted == 401 && st.Refused[ReasonLeft] == 400
	})
}

// Addresses take turns: one with hundreds of handshakes does not make another one wait.
func TestRate_AddressesTakeTurns(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Limits: Limits{HandshakesPerSecond: aSecond}})
	for range 300 {
		dialFrom(t, s, "127.0.0.2").send(with())
	}
	prompt(t, s, "127.0.0.3")
	if n := s.Stats().Clients; n > 200 {
		t.Errorf("%d are let in, %d a second", n, aSecond)
	}
}

// Whoever waits when the server ends was accepted, and is answered.
func TestRate_ThoseThatWaitAreAnsweredAtShutdown(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Limits: Limits{HandshakesPerSecond: 1, Limits: conn.Limits{CloseTimeout: 100 * time.Millisecond}}})
	var peers []*peer
	for range 20 {
		p := dialRaw(t, s)
		p.send(with())
		peers = append(peers, p)
	}
	s.run.admissionIs(t, 20) // of which all but a few wait
	if err := drain(s, t.Context()); err != nil {
		t.Error(err)
	}
	for _, p := range peers {
		p.expectStatus(http.StatusSwitchingProtocols)
	}
}
