package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/buffer"
)

// hoard is clients that have a server hold bytes before their connections are open.
type hoard struct {
	name    string
	server  *Server // its budget of buffers is a fraction of what they want
	tls     bool
	clients int
	sent    string // by each
	above   bool   // that is sent over TLS
	opener  string // what a healthy client sends before its TLS or its request
}

func hoards() []hoard {
	const (
		request = "GET / HTTP/1.1\r\nHost: example.com\r\nCookie: "
		header  = "\r\n\r\n\x00\r\nQUIT\n" // of the PROXY protocol, version 2
	)
	whole := upgrade + "X-Slow: yes\r\nCookie: " + strings.Repeat("x", 7600) + "\r\n\r\n"
	slow := func(h *Handshake) error {
		if h.Request.Header.Get("X-Slow") != "" {
			<-h.Request.Context().Done()
		}
		return nil
	}
	refuse := func(h *Handshake) error {
		if h.Request.Header.Get("X-Slow") != "" {
			return &Refusal{Body: strings.Repeat("no ", 100_000)}
		}
		return nil
	}
	return []hoard{
		{name: "request", clients: 700, server: new(Server), sent: request + strings.Repeat("x", 7900)},
		{name: "long_request", clients: 30, sent: request + strings.Repeat("x", 600_000),
			server: &Server{Limits: Limits{MaxBuffers: 8 << 20, MaxHandshakeBytes: 1 << 20}}},
		{name: "hello", tls: true, clients: 200, server: new(Server), sent: "\x16\x03\x01\x47\x00" + strings.Repeat("x", 17_001)},
		{name: "request_over_tls", tls: true, clients: 200, server: new(Server), above: true, sent: request + strings.Repeat("x", 7900)},
		{name: "proxy_header", clients: 700, server: &Server{Proxies: Proxies{Protocol: here}},
			sent: header + "\x20\x00\x0f\xe0" + strings.Repeat("x", 4000), opener: header + "\x20\x00\x00\x00"},
		{name: "check", clients: 300, server: &Server{Check: slow, CheckDispatch: conn.OnGoroutines}, sent: whole},
		{name: "refusal", clients: 50, server: &Server{Check: refuse, TCP: TCP{SendBuffer: 8 << 10}}, sent: whole},
	}
}

// fill has the clients send what they send, and reports how they end.
func (h *hoard) fill(t *testing.T, s *Server) {
	var group sync.WaitGroup
	for range h.clients {
		p := dialRaw(t, s)
		_ = p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		nc := p.Conn
		if h.above {
			nc = tls.Client(nc, trusting())
		}
		group.Go(func() { _, _ = io.WriteString(nc, h.sent) }) // that it is cut off is no failure
	}
	group.Wait()
}

// dial is a healthy client.
func (h *hoard) dial(t *testing.T, s *Server) *peer {
	if h.tls {
		return dialTLS(t, s)
	}
	p := dialRaw(t, s)
	p.send(h.opener)
	p.handshake()
	return p
}

// Whoever does not finish a handshake holds memory as well. It is bounded, to less than what
// makes newcomers be refused, and open connections do not pay for it.
func TestUnopened_DoNotCostTheOpen(t *testing.T) {
	for _, h := range hoards() {
		t.Run(h.name, func(t *testing.T) {
			if raceEnabled {
				h.clients = min(h.clients, 150)
			}
			needsDescriptors(t, 2*h.clients+200)
			s := h.server
			s.OnMessage = echo
			s.HandshakeTimeout = time.Minute
			if s.CheckDispatch == conn.OnGoroutines {
				s.CheckTimeout = s.HandshakeTimeout
			}
			if s.MaxBuffers == 0 {
				s.MaxBuffers = 1 << 20
			}
			if h.tls {
				startTLS(t, s)
			} else {
				start(t, s)
			}
			var healthy []*peer
			for range 20 {
				healthy = append(healthy, h.dial(t, s))
			}
			var filled atomic.Bool
			seen := make(chan int64)
			go func() {
				most := int64(0)
				for ; !filled.Load(); time.Sleep(50 * time.Microsecond) {
					most = max(most, held(s))
				}
				seen <- most
			}()
			h.fill(t, s)
			if h.name != "refusal" { // which is another reason
				eventually(t, "some to be refused for the memory", func() bool { return s.Stats().Refused[ReasonMemory] > 0 })
			}
			filled.Store(true)
			if most := receive(t, seen); most > s.MaxBuffers {
				t.Errorf("%d bytes are lent of %d", most, s.MaxBuffers)
			}
			for _, p := range healthy {
				p.alive()
			}
			h.dial(t, s).alive()
			if st := s.Stats(); st.Causes[CauseShed] != 0 || st.Clients != 21 {
				t.Errorf("%d were shed, %d are left of 21", st.Causes[CauseShed], st.Clients)
			}
		})
	}
}

// Those that hold most go first, and are told so where HTTP is spoken.
func TestUnopened_LargestAreRefusedFirst(t *testing.T) {
	s := start(t, &Server{Loops: 1, OnMessage: echo,
		Limits: Limits{MaxBuffers: 1 << 20, MaxHandshakeBytes: 256 << 10, HandshakeTimeout: time.Minute}})
	begin := func(n int) *peer {
		p := dialRaw(t, s)
		before := held(s)
		p.send("GET / HTTP/1.1\r\nHost: example.com\r\nCookie: " + strings.Repeat("x", n))
		eventually(t, "it to be held", func() bool { return held(s) >= before+int64(n) })
		return p
	}
	small := begin(1000)
	middle := begin(60_000)
	large := begin(150_000)
	last := dialRaw(t, s)
	last.send("GET / HTTP/1.1\r\nHost: example.com\r\nCookie: " + strings.Repeat("x", 250_000))
	resp, _ := large.expectRefusal(http.StatusServiceUnavailable)
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for _, p := range []*peer{small, middle, last} {
		p.send("\r\n\r\n")
		p.expectStatus(http.StatusUpgradeRequired)
	}
}

// A head that grows is copied, and holds its old memory until then.
func TestUnopened_GrowingHeadsHoldBothMeanwhile(t *testing.T) {
	log := newBusyLog()
	s := start(t, &Server{Loops: 1, OnMessage: echo, Logger: log.logger(),
		Limits: Limits{MaxBuffers: 4 << 20, MaxHandshakeBytes: 1 << 20, HandshakeTimeout: time.Minute}})
	defer log.keepBusy(t, s, dial(t, s))() // nobody is closed for it
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: example.com\r\nCookie: " + strings.Repeat("x", 500<<10))
	eventually(t, "it to be held", func() bool { return held(s) == 512<<10 })
	for _, n := range []int{2 << 20, 512 << 10, 128 << 10} { // with 1 MiB more it would be 103 %
		defer s.run.loops[0].Buffers().Get(n).Release()
	}
	p.send(strings.Repeat("x", 100<<10))
	p.expectStatus(http.StatusServiceUnavailable)
}

// While the open use all but a little of the budget, it is not the open that must go for
// those that are not.
func TestUnopened_GoBeforeTheOpen(t *testing.T) {
	const budget = 4 << 20
	s := start(t, &Server{Loops: 2, OnMessage: echo, Limits: Limits{MaxBuffers: budget, HandshakeTimeout: time.Minute, Limits: conn.Limits{MaxMessageSize: budget}}})
	open := dial(t, s)
	open.begin(8 << 10)
	var waiting []*peer
	for range 80 {
		p := dialRaw(t, s)
		p.send("GET / HTTP/1.1\r\nHost: example.com\r\nCookie: " + strings.Repeat("x", 7900))
		waiting = append(waiting, p)
	}
	eventually(t, "80 heads to be held", func() bool { return held(s) > 80*8000 })
	var all []*buffer.Buffer
	for s.run.budget.Unopened() > 0 {
		eventually(t, "the end of shedding", func() bool {
			s.run.budget.Check() // it may have ended just before the last buffer was lent
			return !s.run.budget.Tight() || s.run.budget.Unopened() == 0
		})
		all = append(all, s.run.loops[0].Buffers().Get(64<<10))
	}
	for _, b := range all {
		b.Release()
	}
	for _, p := range waiting {
		p.expectStatus(http.StatusServiceUnavailable)
	}
	open.send(masked(0, true, ""))
	if h, _ := open.next(); h.PayloadLen != 8<<10 {
		t.Errorf("the open one gets %v with %d bytes", h.Opcode, h.PayloadLen)
	}
}

// A client that cannot be told before its TLS handshake is told behind it.
func TestUnopened_ShortHelloIsAnsweredWhileTight(t *testing.T) {
	onlyNative(t, "a ClientHello comes in pieces")
	log := newBusyLog()
	s := startTLS(t, &Server{Loops: 1, OnMessage: echo, Logger: log.logger(), Limits: Limits{MaxBuffers: 1 << 20}})
	defer log.keepBusy(t, s, dialTLS(t, s))() // nobody is closed for it
	for i := 19; i >= 15; i-- {               // 96.9 %
		defer s.run.loops[0].Buffers().Get(1 << i).Release()
	}
	p := secured(t, s, trusting())
	p.send(with("A: b"))
	p.expectStatus(http.StatusServiceUnavailable)
	long := dialRaw(t, s)
	long.send("\x16\x03\x01\x20\x00" + strings.Repeat("x", 4<<10)) // more than a short one has
	long.expectGone()
	if n := s.Stats().Refused[ReasonMemory]; n != 2 {
		t.Errorf("%d were refused for the memory", n)
	}
}
