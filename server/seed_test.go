package server

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// The tests whose names begin with TestSeed hold to what the server must let a program
// do, one test for each way of working with it.

func TestSeed_ServerFromAddressAndLoops(t *testing.T) {
	s := start(t, &Server{Addr: "127.0.0.1:0", Loops: 3, OnMessage: echo})
	if n := len(s.run.loops); n != 3 {
		t.Errorf("%d loops, want 3", n)
	}
	for range 6 {
		dial(t, s).alive()
	}
	for i, l := range s.run.loops {
		if n := l.Load(); n != 2 {
			t.Errorf("loop %d has %d of 6 connections, want 2", i, n)
		}
	}
}

func TestSeed_StartWithoutBlocking(t *testing.T) {
	s := &Server{OnMessage: echo}
	if s.ListenAddr() != nil {
		t.Error("an address before there is a listener")
	}
	start(t, s) // port 0
	addr, err := netip.ParseAddrPort(s.ListenAddr().String())
	if err != nil || addr.Port() == 0 {
		t.Fatalf("bound to %v, %v", s.ListenAddr(), err)
	}
	p := dial(t, s)
	p.alive()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	p.expectGone()
}

func TestSeed_ServeForever(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*Server) error
	}{
		{"Close", (*Server).Close},
		{"Shutdown", func(s *Server) error { return drain(s, context.Background()) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &Server{OnMessage: echo}
			prepare(s)
			served := make(chan error)
			go func() { served <- s.ListenAndServe() }()
			eventually(t, "the listener", func() bool { return s.ListenAddr() != nil })
			p := dial(t, s)
			p.alive()
			p.Close()
			select {
			case err := <-served:
				t.Fatalf("serving ended by itself: %v", err)
			default:
			}
			if err := test.end(s); err != nil {
				t.Error(err)
			}
			if err := receive(t, served); err != ErrServerClosed {
				t.Errorf("got %v, want ErrServerClosed", err)
			}
			expectNothingHeld(t, s)
		})
	}
}

func TestSeed_TLSFromCertificateAndKey(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	s := &Server{OnMessage: echo}
	startWith(t, s, func() error { return s.StartTLS(certFile, keyFile) })
	p := dialTLS(t, s)
	p.alive()
	p.close(1000, "")
	p.expectClose(1000)
	p.expectEOF()
}

func TestSeed_OnConnection(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		type seen struct {
			state       conn.State
			path, query string
			host        string
		}
		opened := make(chan seen, 1)
		s := start(t, &Server{Dispatch: d, OnConnection: func(c *conn.Conn) {
			r, _ := c.Request()
			opened <- seen{c.State(), r.URL.Path, r.URL.RawQuery, r.Host}
		}})
		p := dialRaw(t, s)
		p.send(upgrade)
		time.Sleep(20 * time.Millisecond)
		if len(opened) != 0 {
			t.Fatal("called before the handshake was done")
		}
		p.send("\r\n")
		if got, want := receive(t, opened), (seen{conn.Open, "/chat", "room=1", "example.com"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		p.expectStatus(101)
	})
}

func TestSeed_ClientAddress(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		addrs := make(chan [2]netip.AddrPort, 1)
		s := start(t, &Server{Dispatch: d, OnConnection: func(c *conn.Conn) {
			addrs <- [2]netip.AddrPort{c.RemoteAddr(), c.LocalAddr()}
		}})
		p := dial(t, s)
		got := receive(t, addrs)
		if got[0].String() != p.LocalAddr().String() || got[1].String() != p.RemoteAddr().String() {
			t.Errorf("remote %v and local %v; the client is at %v and has dialled %v", got[0], got[1], p.LocalAddr(), p.RemoteAddr())
		}
	})
}

func TestSeed_ClientsHoldAllButTheNewOne(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		type seen struct {
			others []string
			count  int
			self   bool
		}
		opened := make(chan seen, 1)
		s := &Server{Dispatch: d}
		s.OnConnection = func(c *conn.Conn) {
			var v seen
			for other := range s.Clients() {
				v.others = append(v.others, other.RemoteAddr().String())
			}
			v.count = s.ClientCount()
			_, v.self = s.Client(c.RemoteAddr())
			opened <- v
		}
		start(t, s)
		var all []string
		for i := range 5 {
			p := dial(t, s)
			got := receive(t, opened)
			slices.Sort(got.others)
			slices.Sort(all)
			if !slices.Equal(got.others, all) || got.count != i || got.self {
				t.Errorf("client %d saw %+v, want %v", i, got, all)
			}
			eventually(t, "the new one to be listed", func() bool { return s.ClientCount() == i+1 })
			all = append(all, p.LocalAddr().String())
			c, ok := s.Client(netip.MustParseAddrPort(p.LocalAddr().String()))
			if !ok || c.RemoteAddr().String() != p.LocalAddr().String() {
				t.Errorf("looked up %v, found %v, %v", p.LocalAddr(), c, ok)
			}
		}
	})
}
