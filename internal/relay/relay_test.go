package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/test/allocs"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// bench is a Conn that a poller watches, with the test as the loop.
type bench struct {
	*Conn
	t    *testing.T
	poll *Poller
	peer net.Conn
	pool buffer.Pool // the loop's
}

// newBench makes a bench over a pipe. Each test must close the Conn, which must then have given back what it had.
func newBench(t *testing.T, system System) *bench {
	near, far := net.Pipe()
	return benchOver(t, system, near, far)
}

func benchOver(t *testing.T, system System, near, far net.Conn) *bench {
	b := &bench{t: t, poll: NewPoller(system), peer: far, Conn: New(near, near)}
	b.SetPool(&b.pool)
	_ = far.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() {
		_ = far.Close()
		_ = b.poll.Close()
		b.awaitNothingLent()
	})
	return b
}

// awaitNothingLent waits until the loop's pool has all that it has lent.
func (b *bench) awaitNothingLent() {
	b.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for n, bytes := b.pool.Lent(); n > 0 || bytes > 0 || b.Lent() > 0; n, bytes = b.pool.Lent() {
		if time.Now().After(deadline) {
			b.t.Fatalf("%d buffers are lent, %d bytes, and the Conn has %d", n, bytes, b.Lent())
		}
		time.Sleep(time.Millisecond)
	}
}

// await waits for an event of the Conn, and fails if another comes.
func (b *bench) await(want poller.Interest) {
	b.t.Helper()
	if ev := b.event(time.Now().Add(30 * time.Second)); ev != (poller.Event{Token: 7, Ready: want}) {
		b.t.Fatalf("got %+v, want %v", ev, want)
	}
}

// nothing fails if there is an event.
func (b *bench) nothing() {
	b.t.Helper()
	if ev := b.event(time.Now().Add(20 * time.Millisecond)); ev != (poller.Event{}) {
		b.t.Fatalf("got %+v, want nothing", ev)
	}
}

func (b *bench) event(until time.Time) poller.Event {
	b.t.Helper()
	var evs [4]poller.Event
	for {
		n, err := b.poll.Wait(evs[:], until)
		switch {
		case err != nil || n > 1:
			b.t.Fatalf("%d events, %v", n, err)
		case n == 1:
			return evs[0]
		case !time.Now().Before(until):
			return poller.Event{}
		}
	}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) send(s string) {
	b.t.Helper()
	_, err := io.WriteString(b.peer, s)
	b.must(err)
}

// take reads until there is nothing, and fails unless that was s.
func (b *bench) take(s string) {
	b.t.Helper()
	var got []byte
	buf := make([]byte, 1<<10)
	for len(got) < len(s) {
		n, err := b.Read(buf)
		if got = append(got, buf[:n]...); err == transport.ErrWouldBlock {
			b.await(poller.Read)
		} else {
			b.must(err)
		}
	}
	if string(got) != s {
		b.t.Fatalf("got %.40q, want %.40q", got, s)
	}
}

func TestConn_EventsKeepThePollersContract(t *testing.T) {
	for name, system := range systems(t) {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, system)
			defer b.Close()
			b.must(b.poll.Add(b.Number(), poller.Read, 7))
			b.nothing()
			b.send("hello")
			b.await(poller.Read)
			b.await(poller.Read) // for as long as it is ready
			b.must(b.poll.Modify(b.Number(), poller.None, 7))
			b.nothing()
			b.must(b.poll.Modify(b.Number(), poller.Read|poller.Write, 7))
			b.await(poller.Read | poller.Write)
			b.take("hello")
			b.await(poller.Write)
			b.must(b.poll.Modify(b.Number(), poller.Read, 7))
			b.nothing()
			b.send("x")
			b.await(poller.Read)
			b.must(b.poll.Remove(b.Number()))
			b.nothing()
			if err := b.poll.Remove(-1 << 20); err == nil {
				t.Error("a number that nothing has was removed")
			}
		})
	}
}

// systems are the pollers below. Nil is none.
func systems(t *testing.T) map[string]System {
	all := map[string]System{"alone": nil}
	if p, err := poller.New(); err == nil {
		all["beside_the_systems"] = p
	} else if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	return all
}

func TestPoller_WakeEndsAWait(t *testing.T) {
	p := NewPoller(nil)
	for range 3 { // one that comes before the Wait, too
		if err := p.Wake(); err != nil {
			t.Fatal(err)
		}
		var evs [1]poller.Event
		if n, err := p.Wait(evs[:], time.Time{}); n != 0 || err != nil {
			t.Errorf("%d events, %v", n, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Wake(); err != os.ErrClosed {
		t.Errorf("Wake: %v", err)
	}
}

// Whatever the sizes, bytes come in order, and nothing is read ahead of a loop that does not take it.
func TestRead_InOrderAndBounded(t *testing.T) {
	b := newBench(t, nil)
	defer b.Close()
	b.must(b.poll.Add(b.Number(), poller.Read, 7))
	for _, n := range []int{1, 383, 384, 511, 512, 513, 5000, 40_000, 1, 100_000, 3} {
		s := strings.Repeat(string(rune('a'+n%26)), n)
		go b.peer.Write([]byte(s))
		b.take(s)
	}
	_ = b.peer.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	n, err := b.peer.Write(make([]byte, 1<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n > readSize+waitSize {
		t.Errorf("%d bytes were read ahead, %v", n, err)
	}
}

func TestRead_EndsComeLastAndAgain(t *testing.T) {
	b := newBench(t, nil)
	defer b.Close()
	b.must(b.poll.Add(b.Number(), poller.Read, 7))
	b.send("last words")
	_ = b.peer.Close()
	b.take("last words")
	b.await(poller.Read)
	for range 2 {
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v, want the end", err)
		}
	}
}

// A write takes what there is room for and never waits. Room is an event.
func TestWrite_DoesNotWait(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.poll.Add(b.Number(), poller.Read|poller.Write, 7))
	want := bytes.Repeat([]byte("0123456789"), 20_000)
	got := make(chan []byte, 1)
	sent := 0
	for stuck := 0; sent < len(want); {
		n, err := b.Write([][]byte{nil, want[sent:min(sent+100, len(want))], want[min(sent+100, len(want)):]})
		if sent += n; err == nil {
			continue
		}
		if err != transport.ErrWouldBlock {
			t.Fatal(err)
		}
		if stuck++; stuck == 3 {
			if sent > 2*writeSize {
				t.Errorf("%d bytes were taken", sent)
			}
			go func() {
				all, _ := io.ReadAll(b.peer)
				got <- all
			}()
		}
		if stuck >= 3 {
			b.await(poller.Write)
		}
	}
	b.must(b.Cut(time.Minute)) // what was taken leaves
	if all := <-got; !bytes.Equal(all, want) {
		t.Errorf("%d bytes came, or others than %d", len(all), len(want))
	}
}

// A connection that cannot end one direction ends both, once all was sent.
func TestCloseWrite_OfAConnThatHasNone(t *testing.T) {
	b := newBench(t, nil)
	ended := make(chan struct{})
	b.OnEnd(func() { close(ended) })
	b.must(b.poll.Add(b.Number(), poller.Read, 7))
	if n, err := b.Write([][]byte{[]byte("bye")}); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	b.must(b.CloseWrite())
	if all, err := io.ReadAll(b.peer); string(all) != "bye" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
	b.await(poller.Read)
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
	b.must(b.Close())
	<-ended
}

// A peer that takes nothing keeps nothing: neither at the end of its time, nor when it is cut.
func TestCut_ThePeerHasItsTime(t *testing.T) {
	for _, patience := range []time.Duration{0, 30 * time.Millisecond} {
		b := newBench(t, nil)
		ended := make(chan struct{})
		b.OnEnd(func() { close(ended) })
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		if n, err := b.Write([][]byte{make([]byte, 1000)}); n != 1000 || err != nil {
			t.Fatal(n, err)
		}
		b.must(b.poll.Remove(b.Number()))
		b.must(b.Cut(patience))
		<-ended
		if err := b.Close(); err == nil {
			t.Error("it was closed twice")
		}
	}
}

func TestNumbers(t *testing.T) {
	var all []*Conn
	seen := make(map[int]bool)
	for range 3 {
		nc, _ := net.Pipe()
		c := New(nc, nc)
		if n := c.Number(); n > firstNumber || seen[n] || At(n) != c {
			t.Errorf("number %d", n)
		}
		seen[c.Number()] = true
		all = append(all, c)
	}
	n := all[1].Number()
	_ = all[1].Close()
	if At(n) != nil || At(-1) != nil || At(0) != nil {
		t.Error("a number that nothing has names a Conn")
	}
	nc, _ := net.Pipe()
	if c := New(nc, nc); c.Number() != n {
		t.Errorf("number %d, want %d again", c.Number(), n)
	} else {
		_ = c.Close()
	}
	_ = all[0].Close()
	_ = all[2].Close()
}

// Conns for which there was no room come first the next time. That allocates nothing.
func TestPoller_ReadyConnsTakeTurns(t *testing.T) {
	p := NewPoller(nil)
	const conns = 5
	for token := range uint64(conns) {
		near, far := net.Pipe()
		defer far.Close()
		c := New(near, near)
		defer c.Close()
		if err := p.Add(c.Number(), poller.Write, token); err != nil {
			t.Fatal(err)
		}
	}
	var evs [3]poller.Event // of which Conns may have two
	var seen [conns]int
	const rounds = 4 * conns
	for range rounds {
		n, err := p.Wait(evs[:], longAgo)
		if n != 2 || err != nil {
			t.Fatalf("%d events, %v", n, err)
		}
		seen[evs[0].Token]++
		seen[evs[1].Token]++
	}
	for token, n := range seen {
		if n != 2*rounds/conns {
			t.Errorf("%d had %d events, want %d", token, n, 2*rounds/conns)
		}
	}
	if n := allocs.PerRun(100, func() { p.look(evs[:]) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
