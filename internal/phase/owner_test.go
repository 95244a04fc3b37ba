package phase

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
)

// owner is an owner of phases that is no server: it accepts every handshake that its check lets
// in, and counts.
type owner struct {
	sync.WaitGroup
	check    func() *handshake.Refusal // nil: there is none
	onAnswer func()                    // nil: nothing is to be called
	behind   bool                      // all peers are proxies that send a PROXY header
	begun    atomic.Int64
	opened   atomic.Int64
	closed   atomic.Int64
	ended    atomic.Int64
	panicked atomic.Int64
	refused  [Reasons]atomic.Int64

	mu       sync.Mutex
	answered []*handshake.Refusal // guarded by mu
}

var (
	_ Judge    = (*owner)(nil)
	_ Proxies  = (*owner)(nil)
	_ Sessions = (*owner)(nil)
	_ Report   = (*owner)(nil)
	_ Work     = work{}
)

type asked struct{ ctx context.Context }

func (a *asked) SetContext(ctx context.Context) { a.ctx = ctx }

func (w *owner) Judge(req *handshake.Request, _ Candidate) (o session.Opening, q Question, refusal *handshake.Refusal) {
	if err := req.Verify(); err != nil {
		return o, nil, handshake.RefusalOf(err)
	}
	if w.check == nil {
		return o, nil, nil
	}
	return o, new(asked), nil
}

func (w *owner) Ask(Question) *handshake.Refusal { return w.check() }

func (w *owner) Accept(req *handshake.Request, _ Candidate, _ Question, o session.Opening, dst []byte) (session.Opening, *handshake.Refusal) {
	var err error
	if o.Response, err = handshake.AppendResponse(dst, req, handshake.Response{}); err != nil {
		return o, handshake.RefusalOf(err)
	}
	return o, nil
}

func (w *owner) SendHeader(netip.Addr, bool) bool     { return w.behind }
func (w *owner) CountedAs(addr netip.Addr) netip.Addr { return addr }
func (w *owner) Begin(*Tenant)                        { w.begun.Add(1) }
func (w *owner) Opened(*Tenant)                       { w.opened.Add(1) }
func (w *owner) Closed(*Tenant)                       { w.closed.Add(1) }
func (w *owner) Ended(*Tenant)                        { w.ended.Add(1) }
func (w *owner) Refused(why Reason)                   { w.refused[why].Add(1) }
func (w *owner) Panicked(string, any)                 { w.panicked.Add(1) }
func (w *owner) ClientOf(t *Tenant, _ *handshake.Request) (netip.AddrPort, bool) {
	return t.RemoteAddr(), false
}

func (w *owner) Answered(_ netip.AddrPort, refusal *handshake.Refusal) *handshake.Refusal {
	if w.onAnswer != nil {
		w.onAnswer()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = append(w.answered, refusal)
	return refusal
}

// work counts the goroutines of an owner.
type work struct{ *owner }

func (w work) Begin() { w.Add(1) }
func (w work) End()   { w.Done() }

// serving is a table with an owner, on a loop that serves.
func serving(t *testing.T, w *owner, policy Policy) *Table {
	t.Helper()
	on := platform.Real{}
	if err := on.Supported(); err != nil {
		t.Skip(err)
	}
	config := session.Config{Logger: slog.New(slog.DiscardHandler), Handlers: session.Handlers{
		Message: func(c *session.Conn, m session.Message) { _ = c.SendText(m.String()) },
	}}.WithDefaults()
	all, _, err := loop.New(1, &loop.Options{Platform: on, Logger: config.Logger, CatchUp: time.Second, Cause: gate.ErrStopped})
	if err != nil {
		t.Fatal(err)
	}
	stopping := make(chan struct{})
	g := gate.New(gate.Options{
		HandshakeTimeout: policy.HandshakeTimeout, Platform: on, Stopping: stopping, Logger: config.Logger,
		CountedAs: func(addr netip.Addr, _ bool) netip.Addr { return addr },
	}, nil)
	table := New(all[0], &Options{
		Policy: policy, Session: &config, Platform: on, Gate: g, Budget: new(memory.Budget), Logger: config.Logger,
		New:   func() *Tenant { return new(Tenant) },
		Judge: w, Proxies: w, Sessions: w, Report: w, Work: work{w},
	})
	loop.Start(all)
	t.Cleanup(func() {
		table.Command(loop.Abort)
		<-table.Done()
		close(stopping)
		w.Wait()
		if open, excess, _ := g.Counted(); open != 0 || excess != 0 {
			t.Errorf("%d are still counted, and %d", open, excess)
		}
		_, unopened := table.Pools()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) { // a relay may have some a little longer
			if n, _ := unopened.Lent(); n == 0 {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("%d buffers are still lent", n)
			}
		}
	})
	return table
}

// connect is a new connection of a table, over TLS with a config.
func connect(t *testing.T, l *Table, config *tls.Config) net.Conn {
	t.Helper()
	return arrive(t, l, config, nil)
}

// arrive is connect for a client that has said something before the table gets the connection.
func arrive(t *testing.T, l *Table, config *tls.Config, said []byte) net.Conn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	if _, err := peer.Write(said); err != nil {
		t.Fatal(err)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, l, config, nc)
	_ = peer.SetDeadline(time.Now().Add(time.Minute))
	return peer
}

// deliver gives a table a connection.
func deliver(t *testing.T, l *Table, config *tls.Config, nc net.Conn) {
	t.Helper()
	taken, err := platform.Real{}.Sockets().Take(nc)
	if err != nil {
		t.Fatal(err)
	}
	if !l.Deliver(gate.Accepted{Accepted: taken, TLS: config, Ticket: l.Gate.Enter(taken.Remote.Addr())}) {
		t.Fatal("the loop does not take it")
	}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
