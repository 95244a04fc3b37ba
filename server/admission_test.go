package server

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// nobody fails unless no connection is counted any more.
func (a *admission) nobody(t testing.TB) {
	t.Helper()
	eventually(t, "nobody to be counted", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.open == 0 && a.surplus == 0 && len(a.from) == 0
	})
}

func TestAdmission_TooManyGet503(t *testing.T) {
	parallel(t)
	var log journal
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo, Limits: Limits{MaxConnections: 3}})
	var in []*peer
	for range 3 {
		in = append(in, dial(t, s))
	}
	p := dialRaw(t, s)
	p.send(with("A: b"))
	resp, _ := p.expectRefusal(http.StatusServiceUnavailable)
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	log.expect(t, "too many connections")
	st := s.Stats()
	if st.Refused[ReasonConnections] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
	expectAllAccounted(t, st)
	for _, p := range in {
		p.alive()
		p.Close()
	}
	s.run.admission.nobody(t)
	dial(t, s).alive()
}

func TestAdmission_TooManyFromOneAddressGet429(t *testing.T) {
	parallel(t)
	s := start(t, &Server{OnMessage: echo, Limits: Limits{MaxConnectionsPerAddress: 2}})
	a, b := dial(t, s), dial(t, s)
	p := dialRaw(t, s)
	p.send(with("A: b"))
	resp, _ := p.expectRefusal(http.StatusTooManyRequests)
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if st := s.Stats(); st.Refused[ReasonAddress] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
	a.alive()
	a.Close()
	b.alive()
	b.Close()
	s.run.admission.nobody(t)
	dial(t, s).alive()
}

// Those that say nothing are closed, and beyond some at once, so that being refused is
// bounded too.
func TestAdmission_RefusingIsBounded(t *testing.T) {
	parallel(t)
	var log journal
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo, Limits: Limits{MaxConnections: 1, HandshakeTimeout: time.Minute}})
	first := dial(t, s)
	var silent []*peer
	for range refusingMin {
		silent = append(silent, dialRaw(t, s))
	}
	eventually(t, "them to be taken in", func() bool { return s.Stats().Accepted == 1+refusingMin })
	for range 50 {
		p := dialRaw(t, s)
		if n, err := p.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Fatal("answered")
		}
	}
	if n := load(s); n != 1+refusingMin {
		t.Errorf("%d connections are there", n)
	}
	if n := s.Stats().Refused[ReasonConnections]; n != 50 {
		t.Errorf("%d refused", n)
	}
	if n := log.lines("too many connections"); n > 2*logBurst {
		t.Errorf("%d lines in the log", n)
	}
	begin := time.Now()
	for _, p := range silent {
		_, _ = io.ReadAll(p)
	}
	if d := time.Since(begin); d > 30*time.Second {
		t.Errorf("those who wait to be refused may take %v for their request", d)
	}
	first.alive()
	first.Close()
	s.run.admission.nobody(t)
}

// A request that net/http serves counts until its connection is closed.
func TestAdmission_CountsThoseOfTheHandler(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	s := start(t, handled(func(http.ResponseWriter, *http.Request) { asked <- true; <-answer }))
	a := &s.run.admission
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	receive(t, asked)
	a.mu.Lock()
	open := a.open
	a.mu.Unlock()
	if open != 1 {
		t.Errorf("%d counted, want 1", open)
	}
	answer <- true
	p.expectStatus(200)
	p.Close()
	a.nobody(t)
}

// However connections come and go, on however many loops, the counts return to zero.
func TestAdmission_IsExactUnderChurn(t *testing.T) {
	s := start(t, &Server{Loops: 2, OnMessage: echo, Limits: Limits{MaxConnections: 20, MaxConnectionsPerAddress: 12}})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range 100 {
				p := dialRaw(t, s)
				switch random.IntN(4) {
				case 0: // says nothing
				case 1:
					p.send("GET")
				case 2:
					p.send("nonsense\r\n\r\n")
				default:
					p.send(with("A: b"))
				}
				if random.IntN(2) == 0 {
					p.SetReadDeadline(time.Now().Add(time.Millisecond))
					_, _ = p.Read(make([]byte, 1))
				}
				p.Close()
			}
		})
	}
	group.Wait()
	s.run.admission.nobody(t)
}

func TestAdmission_KeysOfAddresses(t *testing.T) {
	a := &admission{perAddress: 1}
	key := func(s string) addressKey {
		k, ok := a.key(netip.MustParseAddr(s))
		if !ok {
			t.Errorf("%s has no limit", s)
		}
		return k
	}
	for _, same := range [][2]string{
		{"2001:db8::1", "2001:db8::2"}, {"2001:db8:1:2:3::", "2001:db8:1:2:ffff::"}, {"192.0.2.1", "::ffff:192.0.2.1"},
	} {
		if key(same[0]) != key(same[1]) {
			t.Errorf("%v differ", same)
		}
	}
	for _, other := range [][2]string{
		{"2001:db8:0:1::1", "2001:db8:0:2::1"}, {"192.0.2.1", "192.0.2.2"}, {"0.0.0.1", "::1"}, {"192.0.2.1", "::c000:201"},
	} {
		if key(other[0]) == key(other[1]) {
			t.Errorf("%v are the same", other)
		}
	}
	if _, ok := a.key(netip.Addr{}); ok {
		t.Error("a unix socket has a limit by address")
	}
}

func TestAdmission_Defaults(t *testing.T) {
	n, ok := platform.Real{}.Sockets().Limit()
	if !ok {
		n = descriptorsUnknown
	}
	var a admission
	a.init(&Limits{}, platform.Real{}.Sockets())
	if a.total <= 0 || a.total > n-reserveMin || a.perAddress <= 0 || a.refusing <= 0 {
		t.Errorf("%d descriptors: %d in all, %d from an address, %d refused", n, a.total, a.perAddress, a.refusing)
	}
	for _, addr := range []string{"127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd00::1", "fe80::1%eth0", "100.64.0.9", "::ffff:10.0.0.1"} {
		if _, bounded := a.key(netip.MustParseAddr(addr)); bounded {
			t.Errorf("%s, where a proxy may be, has a limit by default", addr)
		}
	}
	if _, bounded := a.key(netip.MustParseAddr("203.0.113.1")); !bounded {
		t.Error("a public address has no limit by default")
	}
	a = admission{}
	a.init(&Limits{MaxConnections: -1, MaxConnectionsPerAddress: -1}, platform.Real{}.Sockets())
	if a.total != 0 || a.perAddress != 0 {
		t.Errorf("no limits asked for, got %d and %d", a.total, a.perAddress)
	}
}

// The memory of the counts follows the connections that exist.
func TestAdmission_GivesMemoryBack(t *testing.T) {
	var a admission
	a.init(&Limits{MaxConnections: -1}, platform.Real{}.Sockets())
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, byte(i >> 16), byte(i >> 8), byte(i)}) }
	const n = 10_000
	for i := range n {
		if got := a.enter(addr(i)); got != countedBoth {
			t.Fatal(got)
		}
	}
	for i := range n - 100 {
		a.leave(addr(i), countedBoth)
	}
	if len(a.from) != 100 || a.peak > n/8 {
		t.Errorf("%d addresses, and room for %d", len(a.from), a.peak)
	}
	for i := n - 100; i < n; i++ {
		a.leave(addr(i), countedBoth)
	}
	a.nobody(t)
}

func TestPacer_AllowsABurstAndThenTheRate(t *testing.T) {
	var p pacer
	p.init(100)
	now := time.Unix(1000, 0)
	for i := range 100 {
		if low := p.low(now); low != (i > 50) {
			t.Errorf("after %d of 100 it is low: %v", i, low)
		}
		if !p.take(now) {
			t.Fatalf("the %d. waits %v", i, p.wait(now))
		}
	}
	for i := 1; i <= 5; i++ {
		if wait := p.wait(now); p.take(now) || wait != 10*time.Millisecond {
			t.Errorf("%d beyond the burst: waits %v", i, wait)
		}
		now = now.Add(10 * time.Millisecond)
		if wait := p.wait(now); wait > 0 || !p.take(now) {
			t.Errorf("%d beyond the burst, in its time: waits %v", i, wait)
		}
	}
	if wait := p.wait(now.Add(time.Hour)); wait > 0 {
		t.Errorf("after an hour: waits %v", wait)
	}
	p = pacer{}
	p.init(-1)
	for range 1000 {
		if wait := p.wait(now); !p.take(now) || wait > 0 || p.low(now) {
			t.Fatal("without a limit: waits", wait)
		}
	}
}

func TestPacer_WhatMayNotHappenCostsNothing(t *testing.T) {
	var p pacer
	p.init(100)
	now := time.Unix(1000, 0)
	allowed := func() (n int) {
		for range 1000 {
			if p.take(now) {
				n++
			}
		}
		return n
	}
	for _, want := range []int{100, 0} {
		if n := allowed(); n != want {
			t.Errorf("%d at once, want %d", n, want)
		}
	}
	now = now.Add(50 * time.Millisecond)
	if n := allowed(); n != 5 {
		t.Errorf("%d in 50 ms at 100 a second", n)
	}
}

func TestAccept_IsPaced(t *testing.T) {
	parallel(t)
	var log journal
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo, Limits: Limits{HandshakesPerSecond: 20}})
	begin := time.Now()
	for range 30 {
		dial(t, s).alive()
	}
	if d := time.Since(begin); d < 350*time.Millisecond {
		t.Errorf("30 handshakes at 20 a second, after a burst of 20: %v", d)
	}
	if s.Stats().Paced == 0 {
		t.Error("not counted")
	}
	log.expect(t, "HandshakesPerSecond")
	if st := s.Stats(); len(st.Refused) != 0 {
		t.Errorf("refused: %v", st.Refused)
	}
}

func BenchmarkAdmission(b *testing.B) {
	var a admission
	a.init(&Limits{MaxConnections: -1}, platform.Real{}.Sockets())
	addr := netip.MustParseAddr("203.0.113.1")
	b.ReportAllocs()
	for b.Loop() {
		a.leave(addr, a.enter(addr))
	}
}
