package server

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/loop"
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
	holder, held := dial(t, s), false
	f(func() {
		holder.text("hold the loop")
		receive(t, began)
		held = true
	}, sync.OnceFunc(func() { close(end) }))
	if held {
		holder.expectEcho("hold the loop")
	}
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

// lateClients are clients that say all that they have to say in time, but to a loop that
// does not read it before the time is over.
type lateClients struct {
	before string // sent at once
	header string // sent by all, before what is secured
	n      int
	tls    bool
}

// What came in time is taken for that, though the loop was kept from reading it until the
// time was over, and has more to read than it does in a turn: a request, the header of a
// proxy, the first record of TLS, and what each is followed by.
func TestLate_TheLoopReadsBeforeItGivesUp(t *testing.T) {
	parallel(t)
	for name, c := range map[string]lateClients{
		"request":               {n: loop.EventsAtOnce + 50},
		"half a request":        {before: upgrade[:40], n: loop.EventsAtOnce + 50},
		"PROXY header":          {header: announced, n: loop.EventsAtOnce + 50},
		"half a PROXY header":   {before: announced2[:14], header: announced2[14:], n: loop.EventsAtOnce + 50},
		"TLS":                   {n: 30, tls: true},
		"TLS behind the header": {header: announced, n: 30, tls: true},
	} {
		t.Run(name, func(t *testing.T) {
			needsDescriptors(t, 3*c.n)
			if mostDescriptors() > 6000 { // enough for all at once
				parallel(t)
			}
			timeout := 2 * time.Second     // afterwards the loop gives as much time back
			for !c.areServed(t, timeout) { // a busy machine needs more
				timeout *= 2
			}
		})
	}
}

// areServed holds a loop for longer than the clients may take. It returns false if the machine
// was too slow: the time was over before the loop was held, or what the loop gives back was over before
// all were served.
func (c lateClients) areServed(t *testing.T, timeout time.Duration) (inTime bool) {
	s := &Server{Limits: Limits{HandshakeTimeout: timeout, Limits: conn.Limits{IdleTimeout: -1, MaxLifetime: -1}, MaxConnectionsPerAddress: -1}}
	hello := ""
	if c.header != "" {
		s.Proxies.Protocol, hello = here, announced
	}
	begin := start
	if c.tls {
		s.TLSConfig = testcert.Config()
		begin = startTLS
	}
	opened := func(t testing.TB, s *Server) *peer {
		p := dialRaw(t, s)
		p.send(hello)
		p = c.secured(p)
		p.handshake()
		return p
	}
	holding(t, s, begin, opened, func(hold, release func()) {
		began := time.Now()
		var peers []*peer
		for range c.n {
			p := dialRaw(t, s)
			_, _ = io.WriteString(p, c.before) // fails if the machine is too slow
			peers = append(peers, p)
		}
		eventually(t, "all to be taken in", func() bool { return s.Stats().Accepted == uint64(c.n+1) })
		hold()
		if inTime = time.Since(began) < timeout-2*wheel.Resolution; !inTime {
			release()
			return
		}
		var said sync.WaitGroup
		served := make(chan error, len(peers))
		for _, p := range peers {
			said.Add(1)
			_ = p.SetDeadline(time.Now().Add(timeout + peerPatience))
			go func() { served <- c.finish(p, said.Done) }()
		}
		time.Sleep(timeout + 2*wheel.Resolution)
		said.Wait()
		began = time.Now()
		release()
		var err error
		for range peers {
			err = cmp.Or(<-served, err)
		}
		// A short time proves nothing: the machine may stand still for as long.
		if inTime = err == nil || timeout > 10*time.Second && time.Since(began) < timeout-2*wheel.Resolution; inTime && err != nil {
			t.Error(err)
		}
	})
	return inTime
}

// finish says the rest to the server, and calls said when all of it has been written that the
// client can say without an answer.
func (c lateClients) finish(p *peer, said func()) error {
	p.send(c.header)
	p = c.secured(&peer{p.t, &firstWrite{Conn: p.Conn, then: said}, p.r})
	request := with()
	if c.before == upgrade[:40] {
		request = request[40:]
	}
	if _, err := p.Write([]byte(request)); err != nil {
		return err
	}
	resp, err := http.ReadResponse(p.r, nil)
	if err == nil && resp.StatusCode != 101 {
		err = errors.New(resp.Status)
	}
	return err
}

func (c lateClients) secured(p *peer) *peer {
	if !c.tls {
		return p
	}
	over := tls.Client(p.Conn, &tls.Config{InsecureSkipVerify: true})
	return &peer{p.t, over, bufio.NewReader(over)}
}

// firstWrite is a connection that calls then after the first Write.
type firstWrite struct {
	net.Conn
	then func()
}

func (w *firstWrite) Write(b []byte) (n int, err error) {
	n, err = w.Conn.Write(b)
	if w.then != nil {
		w.then()
		w.then = nil
	}
	return n, err
}

// A client that has not sent all of its request is ended, whether the loop is late or not.
func TestLate_UnfinishedRequestsAreEnded(t *testing.T) {
	parallel(t)
	const timeout = 2 * time.Second
	s := &Server{Limits: Limits{HandshakeTimeout: timeout}}
	holding(t, s, start, func(t testing.TB, s *Server) *peer { return dial(t, s) }, func(hold, release func()) {
		p := dialRaw(t, s)
		p.send(upgrade[:40])
		eventually(t, "it to be taken in", func() bool { return s.Stats().Accepted == 2 })
		hold()
		time.Sleep(timeout + 2*wheel.Resolution)
		release()
		_, _ = io.Copy(io.Discard, p.expectStatus(408).Body)
	})
	if n := s.Stats().Refused[ReasonTimeout]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// Peers that have answered their ping in time are not idle.
func TestLate_PeersThatHaveAnsweredAreNotIdle(t *testing.T) {
	needsDescriptors(t, 3*loop.EventsAtOnce)
	idle, inTime := 2*time.Second, false
	for ; !inTime && !t.Failed(); idle *= 2 { // a busy machine needs more
		t.Run(idle.String(), func(t *testing.T) { inTime = peersAnswer(t, idle) })
	}
}

// peersAnswer holds a loop from the ping of many peers until their time is over. It returns false if the
// machine was too slow: some of them have not answered in time.
func peersAnswer(t *testing.T, idle time.Duration) (inTime bool) {
	began := time.Now()
	late := func() bool { return time.Since(began) > idle*3/4 }
	s := &Server{Limits: Limits{Limits: conn.Limits{IdleTimeout: idle}}}
	holding(t, s, start, func(t testing.TB, s *Server) *peer { return dial(t, s) }, func(hold, release func()) {
		defer release()
		var peers []*peer
		for range loop.EventsAtOnce + 50 {
			peers = append(peers, dial(t, s))
		}
		for _, p := range peers {
			if h, _, err := p.read(); late() {
				return
			} else if err != nil || h.Opcode != frame.Ping {
				t.Fatalf("got a frame with %v, %v", h.Opcode, err)
			}
		}
		hold()
		for _, p := range peers {
			_, _ = p.Write([]byte(masked(frame.Pong, true, "")))
		}
		if inTime = !late(); !inTime {
			return
		}
		time.Sleep(idle/2 + 2*wheel.Resolution)
		release()
		for _, p := range peers {
			p.text("still there")
		}
		for _, p := range peers {
			p.expectEcho("still there")
		}
	})
	return inTime
}
