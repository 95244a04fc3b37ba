package server

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/internal/wheel"
)

// holding runs a test with a server of one loop, which a callback holds until release.
func holding(t *testing.T, s *Server, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer, f func(hold, release func())) {
	began, end := make(chan bool), make(chan bool)
	s.Loops = 1
	s.OnMessage = func(c *conn.Conn, m conn.Message) {
		if m.String() == "hold the loop" {
			began <- true
			<-end
		}
		echo(c, m)
	}
	begin(t, s)
	holder := dial(t, s)
	f(func() {
		holder.text("hold the loop")
		receive(t, began)
	}, func() { close(end) })
	holder.expectEcho("hold the loop")
}

// expectEcho is expectText with pings before it, which are answered.
func (p *peer) expectEcho(want string) {
	p.t.Helper()
	h, got := p.next()
	for ; h.Opcode == frame.Ping; h, got = p.next() {
		p.send(masked(frame.Pong, true, got))
	}
	if h.Opcode != frame.Text || string(got) != want {
		p.t.Fatalf("got %v %q, want %q", h.Opcode, got, want)
	}
}

// What came in time is taken for that, though the loop was kept from reading it until the
// time was over, and has more to read than it does in a turn: a request, the header of a
// proxy, the first record of TLS, and what each is followed by.
func TestLate_TheLoopReadsBeforeItGivesUp(t *testing.T) {
	parallel(t)
	const timeout = 2500 * time.Millisecond
	over := func(p *peer) *peer { // TLS
		c := tls.Client(p.Conn, &tls.Config{InsecureSkipVerify: true})
		return &peer{p.t, c, bufio.NewReader(c)}
	}
	plain := func(p *peer) *peer { return p }
	for name, c := range map[string]struct {
		before  string // sent at once
		header  string // sent by all, before what is secured
		clients int
		secure  func(*peer) *peer
	}{
		"request":               {clients: eventsAtOnce + 50, secure: plain},
		"half a request":        {before: upgrade[:40], clients: eventsAtOnce + 50, secure: plain},
		"PROXY header":          {header: announced, clients: eventsAtOnce + 50, secure: plain},
		"half a PROXY header":   {before: announced2[:14], header: announced2[14:], clients: eventsAtOnce + 50, secure: plain},
		"TLS":                   {clients: 30, secure: over},
		"TLS behind the header": {header: announced, clients: 30, secure: over},
	} {
		t.Run(name, func(t *testing.T) {
			parallel(t)
			s := &Server{Limits: Limits{HandshakeTimeout: timeout, IdleTimeout: -1, MaxLifetime: -1, MaxConnectionsPerAddress: -1}}
			hello := ""
			if c.header != "" {
				s.Proxies.Protocol, hello = here, announced
			}
			begin := start
			if c.clients == 30 {
				s.TLSConfig = testcert.Config()
				begin = startTLS
			}
			greeted := func(t testing.TB, s *Server) *peer {
				p := dialRaw(t, s)
				p.send(hello)
				p = c.secure(p)
				p.greet()
				return p
			}
			holding(t, s, begin, greeted, func(hold, release func()) {
				var peers []*peer
				for range c.clients {
					p := dialRaw(t, s)
					p.send(c.before)
					peers = append(peers, p)
				}
				eventually(t, "all to be taken in", func() bool { return s.Stats().Accepted == uint64(c.clients+1) })
				hold()
				var group sync.WaitGroup
				for _, p := range peers {
					group.Go(func() {
						p.send(c.header)
						p = c.secure(p)
						request := with()
						if c.before == upgrade[:40] {
							request = request[40:]
						}
						if _, err := p.Write([]byte(request)); err != nil {
							t.Error(err)
							return
						}
						if resp, err := http.ReadResponse(p.r, nil); err != nil || resp.StatusCode != 101 {
							t.Errorf("got %+v, %v", resp, err)
						}
					})
				}
				time.Sleep(timeout + 2*wheel.Resolution)
				release()
				group.Wait()
			})
		})
	}
}

// Who has not sent all is ended, be the loop late or not.
func TestLate_WhoIsNotDoneIsEnded(t *testing.T) {
	parallel(t)
	s := &Server{Limits: Limits{HandshakeTimeout: 300 * time.Millisecond}}
	holding(t, s, start, func(t testing.TB, s *Server) *peer { return dial(t, s) }, func(hold, release func()) {
		p := dialRaw(t, s)
		p.send(upgrade[:40])
		eventually(t, "it to be taken in", func() bool { return s.Stats().Accepted == 2 })
		hold()
		time.Sleep(400 * time.Millisecond)
		release()
		_, _ = io.Copy(io.Discard, p.expectStatus(408).Body)
	})
	if n := s.Stats().Refused[Timeout]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// Peers that have answered their ping in time are not idle.
func TestLate_WhoHasAnsweredIsNotIdle(t *testing.T) {
	const idle = time.Second
	s := &Server{Limits: Limits{IdleTimeout: idle}}
	holding(t, s, start, func(t testing.TB, s *Server) *peer { return dial(t, s) }, func(hold, release func()) {
		var peers []*peer
		for range eventsAtOnce + 50 {
			peers = append(peers, dial(t, s))
		}
		for _, p := range peers {
			h, _ := p.next()
			if h.Opcode != frame.Ping {
				t.Fatalf("got a frame with %v", h.Opcode)
			}
		}
		hold()
		for _, p := range peers {
			p.send(masked(frame.Pong, true, ""))
		}
		time.Sleep(idle/2 + 2*wheel.Resolution)
		release()
		for _, p := range peers {
			p.text("still there")
			p.expectEcho("still there")
		}
	})
}
