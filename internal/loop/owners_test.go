package loop_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/poller"
)

// wordOwner is an owner with one phase: its tenants are open once they have sent its word.
type wordOwner struct {
	*loop.Loop
	id   loop.OwnerID
	word string

	opened, closed, ended, forgotten atomic.Int64
	admitted, turnedAway             atomic.Int64
}

const phaseWord loop.Phase = 1

// member is its own part of a tenant.
type member struct {
	loop.Tenant
	heard []byte
}

func newWordOwner(l *loop.Loop, config *session.Config, word string) *wordOwner {
	g := &wordOwner{Loop: l, word: word}
	g.id = l.Register(g, config, []loop.Row{phaseWord: wordRow{g}})
	return g
}

func (g *wordOwner) Opened(*loop.Tenant)    { g.opened.Add(1) }
func (g *wordOwner) Closed(*loop.Tenant)    { g.closed.Add(1) }
func (g *wordOwner) Ended(*loop.Tenant)     { g.ended.Add(1) }
func (g *wordOwner) Forgotten(*loop.Tenant) { g.forgotten.Add(1) }

// wordRow is the phase before the word.
type wordRow struct{ *wordOwner }

func (r wordRow) Ready(t *loop.Tenant, _ poller.Interest) {
	m := loop.Of[member](&t.Conn)
	var b [16]byte
	n, _ := t.Below().Read(b[:len(r.word)-len(m.heard)])
	m.heard = append(m.heard, b[:n]...)
	if string(m.heard) == r.word {
		t.Enter(loop.Open)
		t.Open(session.Opening{Response: []byte(r.word)})
	}
}

func (r wordRow) end(t *loop.Tenant) {
	r.Forget(t)
	_ = t.Below().Close()
}

func (r wordRow) Late(t *loop.Tenant) {
	if !r.Early(t) {
		r.end(t)
	}
}

func (r wordRow) Commanded(t *loop.Tenant, c loop.Command) {
	if c == loop.Abort {
		r.end(t)
	}
}

func (r wordRow) Broken(t *loop.Tenant)           { r.end(t) }
func (r wordRow) Short(t *loop.Tenant)            { r.end(t) }
func (r wordRow) Step(*loop.Tenant) time.Duration { return loop.StepOf(time.Minute) }

// arrived is a connection on its way to an owner's loop.
type arrived struct {
	*wordOwner
	conn platform.Accepted
	time time.Duration // that it has for the word
}

func (a arrived) Admit() {
	a.admitted.Add(1)
	m := new(member)
	m.Socket = platform.NewSocket(a.conn.FD)
	a.Seat(&m.Tenant, a.id, phaseWord, a.conn.Transport(&m.Socket), a.conn.Remote)
	a.Allow(&m.Tenant, a.time)
	if err := a.Watch(&m.Tenant); err != nil {
		wordRow{a.wordOwner}.end(&m.Tenant)
		return
	}
	a.Apply(&m.Tenant)
}

func (a arrived) TurnAway() {
	_ = a.conn.Close()
	a.turnedAway.Add(1)
}

// pair is a connection, of which the loop gets the other end.
func pair(t *testing.T) (taken platform.Accepted, peer net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	taken, err = platform.Real{}.Sockets().Take(nc)
	if err != nil {
		t.Fatal(err)
	}
	_ = peer.SetDeadline(time.Now().Add(time.Minute))
	return taken, peer
}

func serving(t *testing.T) (l *loop.Loop, owners [2]*wordOwner) {
	t.Helper()
	p := platform.Real{}
	if err := p.Supported(); err != nil {
		t.Skip(err)
	}
	config := session.Config{Logger: slog.New(slog.DiscardHandler), Handlers: session.Handlers{
		Message: func(c *session.Conn, m session.Message) { _ = c.SendText(m.String()) },
	}}.WithDefaults()
	all, _, err := loop.New(1, &loop.Options{Platform: p, Logger: config.Logger, CatchUp: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	l = all[0]
	owners = [2]*wordOwner{newWordOwner(l, &config, "one"), newWordOwner(l, &config, "other")}
	loop.Start(all)
	t.Cleanup(func() {
		l.Command(loop.Abort)
		<-l.Done()
	})
	return l, owners
}

// expect fails unless a peer reads just that.
func expect(t *testing.T, peer net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// The tenants of two owners, such as a server and a client, share a loop: each goes through
// its own owner's phases, and is open like any other then.
func TestOwners_ShareALoop(t *testing.T) {
	l, owners := serving(t)
	var peers [2]net.Conn
	for i, o := range owners {
		conn, peer := pair(t)
		peers[i] = peer
		l.Deliver(arrived{o, conn, time.Minute})
	}
	for i, o := range owners {
		_, _ = peers[i].Write([]byte(o.word))
		expect(t, peers[i], []byte(o.word))
		_, _ = peers[i].Write([]byte("\x81\x81\x00\x00\x00\x00x")) // masked with zeros
		expect(t, peers[i], []byte("\x81\x01x"))
	}
	_ = peers[0].Close()
	eventually(t, "one to be gone", func() bool { return owners[0].forgotten.Load() == 1 })
	for i, want := range []int64{1, 0} {
		o := owners[i]
		if o.opened.Load() != 1 || o.closed.Load() != want || o.ended.Load() != want || o.forgotten.Load() != want {
			t.Errorf("owner %d: %d opened, %d closed, %d ended, %d forgotten", i, o.opened.Load(), o.closed.Load(), o.ended.Load(), o.forgotten.Load())
		}
	}
	if n := l.Load(); n != 1 {
		t.Errorf("%d on the loop", n)
	}
}

func TestPhase_TimeIsOver(t *testing.T) {
	l, owners := serving(t)
	conn, peer := pair(t)
	l.Deliver(arrived{owners[1], conn, 100 * time.Millisecond})
	_, _ = peer.Write([]byte("oth"))
	if _, err := peer.Read(make([]byte, 1)); err == nil {
		t.Error("it is still there")
	}
	eventually(t, "it to be forgotten", func() bool { return owners[1].forgotten.Load() == 1 })
	if n := owners[1].closed.Load(); n != 0 {
		t.Error("one that was not open counts as closed")
	}
}

// A loop that drains closes what is open and lets what is not go on; it ends with the last.
func TestCommand_Drain(t *testing.T) {
	l, owners := serving(t)
	conn, open := pair(t)
	l.Deliver(arrived{owners[0], conn, time.Minute})
	_, _ = open.Write([]byte("one"))
	expect(t, open, []byte("one"))
	conn, waits := pair(t)
	l.Deliver(arrived{owners[1], conn, 200 * time.Millisecond})
	eventually(t, "it to be taken in", func() bool { return owners[1].admitted.Load() == 1 })

	l.Command(loop.Drain)
	var h [4]byte
	if _, err := io.ReadFull(open, h[:]); err != nil || h[0] != 0x88 || frame.CloseCode(uint16(h[2])<<8|uint16(h[3])) != frame.GoingAway {
		t.Fatalf("got % x, %v", h, err)
	}
	_ = open.Close()
	_ = waits.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := waits.Read(h[:]); err == nil {
		t.Error("what was not open is still there")
	}
	<-l.Done()
	conn, late := pair(t)
	if l.Deliver(arrived{owners[0], conn, time.Minute}) || owners[0].turnedAway.Load() != 1 {
		t.Error("a loop that has ended takes a connection")
	}
	if _, err := late.Read(h[:]); err != io.EOF {
		t.Errorf("it gets %v", err)
	}
}

// A function that is asked for is called on the loop, though one before it ends its goroutine.
func TestAsk_IsAnsweredBehindOneThatEndsTheGoroutine(t *testing.T) {
	l, _ := serving(t)
	answered := make(chan bool, 1)
	l.Ask(runtime.Goexit)
	l.Ask(func() { answered <- loop.OnLoop() })
	select {
	case on := <-answered:
		if !on {
			t.Error("not on a loop")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no answer")
	}
	if loop.OnLoop() {
		t.Error("a test runs on a loop")
	}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
