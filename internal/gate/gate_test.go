package gate

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// still is a platform whose time stands still.
type still struct{ platform.Real }

func (still) Now() time.Time { return time.Unix(1000, 0) }

// Await waits for the end only, because no other time comes.
func (still) Await(done, stop <-chan struct{}, _ time.Time) bool {
	return platform.Real{}.Await(done, stop, time.Time{})
}

// loops notes what becomes of connections.
type loops struct {
	mu        sync.Mutex
	delivered []Accepted
	refused   map[Reason][]Accepted
	works     sync.WaitGroup
}

func (l *loops) Deliver(a Accepted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delivered = append(l.delivered, a)
}

func (l *loops) Refused(a Accepted, why Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[why] = append(l.refused[why], a)
}

func (l *loops) Go(work func()) { l.works.Go(work) }

// open is a gate that the test stops at its end.
func open(t *testing.T, o Options) (*Gate, *loops) {
	stopping := make(chan struct{})
	l := &loops{refused: make(map[Reason][]Accepted)}
	o.Platform, o.Stopping, o.Logger = still{}, stopping, slog.New(slog.DiscardHandler)
	o.CountedAs = func(addr netip.Addr, _ bool) netip.Addr { return addr }
	g := New(o, l)
	t.Cleanup(func() {
		g.Open()
		close(stopping)
		l.works.Wait()
	})
	return g, l
}

// conn is a transport of which only the end is noted.
type conn struct{ closed bool }

func (*conn) Read([]byte) (int, error)    { return 0, io.EOF }
func (*conn) Write([][]byte) (int, error) { return 0, errors.ErrUnsupported }
func (*conn) CloseWrite() error           { return nil }
func (c *conn) Close() error              { c.closed = true; return nil }
func (*conn) LocalAddr() netip.AddrPort   { return netip.AddrPort{} }

func from(addr string) Accepted {
	return Accepted{Accepted: platform.Accepted{
		Remote: netip.AddrPortFrom(netip.MustParseAddr(addr), 1), Below: new(conn),
	}}
}

// If too many wait, those of the address that has most wait in vain.
func TestQueue_TheLongestIsCut(t *testing.T) {
	g, l := open(t, Options{PerSecond: 1, MaxConnections: -1})
	g.queue.most = 10
	g.Admit(from("192.0.2.2")) // the burst
	for range 30 {
		g.Admit(from("192.0.2.2"))
	}
	for _, addr := range []string{"192.0.2.3", "192.0.2.4", "192.0.2.3"} {
		g.Admit(from(addr))
	}
	if len(l.delivered) != 1 || g.Paced() != 33 {
		t.Errorf("%d delivered, %d waited", len(l.delivered), g.Paced())
	}
	if n := len(l.refused[TooFast]); n != 23 {
		t.Errorf("%d were closed of 34, of which 10 may wait", n)
	}
	for _, a := range l.refused[TooFast] {
		if a.Remote.Addr() != netip.MustParseAddr("192.0.2.2") || !a.Below.(*conn).closed {
			t.Errorf("%v is refused, closed: %v", a.Remote, a.Below.(*conn).closed)
		}
	}
	if open, _, _ := g.Counted(); open != 11 {
		t.Errorf("%d are counted", open)
	}
	g.Open()
	if len(l.delivered) != 11 {
		t.Errorf("%d delivered when the server ends", len(l.delivered))
	}
}

// A connection that is closed anyway takes no place among those that are answered.
func TestTLS_OnlyThoseThatAreAnsweredCount(t *testing.T) {
	g, _ := open(t, Options{})
	for range securedPerSecond - 1 {
		if !g.MayAnswerTLS(still{}.Now()) {
			t.Fatal("not even that many are answered")
		}
	}
	for _, ticket := range []Ticket{ClosedTotal, ClosedAddress, ClosedTotal} {
		if got := g.BeforeTLS(ticket); got != ticket {
			t.Errorf("%d becomes %d", ticket, got)
		}
	}
	if got := g.BeforeTLS(ExcessTotal); got != ExcessTotal {
		t.Errorf("the last to be answered gets %d", got)
	}
	if got := g.BeforeTLS(ExcessAddress); got != ClosedAddress {
		t.Errorf("the next gets %d", got)
	}
}

// An address may be missing, also one of a type.
func TestIsUnix_OfNoAddress(t *testing.T) {
	for _, none := range []net.Addr{nil, (*net.UnixAddr)(nil)} {
		if IsUnix(none) {
			t.Errorf("%#v is a unix socket's", none)
		}
	}
}
