package topics

import (
	"flag"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/session"
)

// host is an event loop without a poller, which turns when the test says so, on the test's
// goroutine. Its connections write to nowhere.
type host struct {
	loop  *session.Loop
	asked []func()
	due   []*session.Conn
	all   []*session.Driver
	sunk  []sunk // of each connection
}

func newHost(n int) *host { return newHostOf(make([]*deflate.Params, n)) }

// newHostOf is a host with a connection for each agreement about compression. nil: about none.
func newHostOf(agreements []*deflate.Params) *host {
	h := &host{sunk: make([]sunk, len(agreements))}
	h.loop = session.NewLoop(h)
	h.loop.Ask = func(f func()) { h.asked = append(h.asked, f) }
	h.loop.Take()
	config := session.Config{Logger: quiet}.WithDefaults()
	policy := session.NewPolicy(&config)
	for i, params := range agreements {
		d := new(session.Driver)
		d.Init(h.loop, policy, i, &h.sunk[i], netip.AddrPort{})
		d.Open(session.Opening{Deflate: params})
		h.all = append(h.all, d)
	}
	return h
}

// turn does what there is to do.
func (h *host) turn() {
	for len(h.asked)+len(h.due) > 0 {
		h.turnOnce()
	}
}

// turnOnce does as much as the loop does in one turn.
func (h *host) turnOnce() {
	asked := h.asked
	h.asked = h.asked[:0]
	for _, f := range asked {
		f()
	}
	for _, c := range h.due {
		(*session.Driver)(unsafe.Pointer(c)).Attend() // a Driver begins with its Conn
	}
	h.due = h.due[:0]
}

func (h *host) close() {
	for _, d := range h.all {
		d.Abort(nil)
	}
}

func (h *host) Schedule(c *session.Conn)                { h.due = append(h.due, c) }
func (h *host) SetInterest(*session.Driver, bool, bool) {}
func (h *host) SetTimer(*session.Conn, time.Duration)   {}
func (h *host) Limited(*session.Driver)                 {}
func (h *host) Opened(*session.Conn)                    {}
func (h *host) Closed(*session.Driver)                  {}
func (h *host) Ended(*session.Conn)                     {}

// bytes is how much each connection was sent.
func (h *host) bytes() (all []int) {
	for _, s := range h.sunk {
		all = append(all, s.bytes)
	}
	return all
}

// sum is what all connections were sent.
func (h *host) sum() (all sunk) {
	for _, s := range h.sunk {
		all.writes, all.bytes = all.writes+s.writes, all.bytes+s.bytes
	}
	return all
}

// sunk is a transport that takes everything.
type sunk struct{ writes, bytes int }

func (s *sunk) Read([]byte) (int, error) { return 0, nil }
func (s *sunk) Write(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		n += len(b)
	}
	s.writes++
	s.bytes += n
	return n, nil
}
func (s *sunk) CloseWrite() error         { return nil }
func (s *sunk) Close() error              { return nil }
func (s *sunk) LocalAddr() netip.AddrPort { return netip.AddrPort{} }

// allSubscribe subscribes all connections of a host.
func (h *host) allSubscribe(t testing.TB, topics *Topics, topic string) {
	for _, d := range h.all {
		if _, err := topics.Subscribe(connOf(&d.Conn), topic); err != nil {
			t.Fatal(err)
		}
	}
	h.turn()
}

func TestPublish_DoesNotAllocate(t *testing.T) {
	if raceEnabled || guard.Checking {
		t.Skip("this build allocates where others do not")
	}
	for name, k := range map[string]History{"plain": {}, "history": {Messages: 10, Last: true}, "stamp": {Messages: 10}, "pattern": {}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(1000)
			defer h.close()
			topics := &Topics{History: keep(k)}
			if name == "stamp" {
				topics.Stamp = func(_ string, _ Position, m conn.Message) conn.Message { return m }
			}
			h.allSubscribe(t, topics, "a.b")
			if name == "pattern" {
				h.allSubscribe(t, topics, "a.*")
			}
			m := conn.Message{Type: conn.Binary, Payload: make([]byte, 100)}
			publish := func() {
				_, _ = topics.Publish("a.b", m)
				h.turn()
			}
			for range 20 {
				publish()
			}
			// Goroutines of other tests, and the runtime, can only add to a batch.
			least := testing.AllocsPerRun(100, publish)
			for tries := 1; tries < 5 && least > 0; tries++ {
				least = min(least, testing.AllocsPerRun(100, publish))
			}
			if least > 0 {
				t.Errorf("%v allocations to send 1,000 members a message", least)
			}
		})
	}
}

// Messages of one turn leave in one write for each member.
func TestPublish_OneWriteForEachMemberAndTurn(t *testing.T) {
	h := newHost(10)
	defer h.close()
	topics := new(Topics)
	h.allSubscribe(t, topics, "a")
	before := h.sum()
	for range 7 {
		_, _ = topics.Publish("a", text("hello"))
	}
	expect(t, "functions for the loop", len(h.asked), 1)
	h.turn()
	expect(t, "writes", h.sum().writes-before.writes, 10)
	expect(t, "bytes", h.sum().bytes-before.bytes, 7*10*len("..hello"))
}

// A subscription is small.
func TestSubscription_Memory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	took := 0.0
	for range 10 { // what other tests have left may go meanwhile, or grow
		if took = memoryOfSubscriptions(t); took >= 10 && took <= 100 {
			break
		}
	}
	t.Logf("%.1f bytes for each subscription", took)
	if took < 10 || took > 100 {
		t.Errorf("%.1f bytes for each subscription, want 10 to 100", took)
	}
}

var subscribers = flag.Int("subscribers", 500, "how many connections TestSubscription_Memory has, with 100 of as many topics each")

// memoryOfSubscriptions is how many bytes the heap grows by for each of some subscriptions.
func memoryOfSubscriptions(t *testing.T) float64 {
	const each = 100
	conns := max(*subscribers, 5*each)
	h := newHost(conns)
	defer h.close()
	topics := new(Topics)
	names := make([]string, conns)
	for i := range names {
		names[i] = fmt.Sprint("rooms.", i)
	}
	before, n := heapBytes(), 0
	for _, d := range h.all {
		for i := range each {
			if _, err := topics.Subscribe(connOf(&d.Conn), names[(n+5*i)%len(names)]); err != nil {
				t.Fatal(err)
			}
		}
		n++
		h.turn()
	}
	took := float64(heapBytes()-before) / float64(conns*each)
	runtime.KeepAlive(topics)
	return took
}

// heapBytes is how many bytes the heap has.
func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools have
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkPublish is a message to members in memory, without the cost of system calls.
func BenchmarkPublish(b *testing.B) {
	for _, members := range []int{1000, 10000} {
		for _, size := range []int{100, 1 << 10} {
			b.Run(fmt.Sprintf("members=%d/size=%d", members, size), func(b *testing.B) {
				h := newHost(members)
				defer h.close()
				topics := new(Topics)
				h.allSubscribe(b, topics, "a")
				m := conn.Message{Type: conn.Binary, Payload: make([]byte, size)}
				b.ReportAllocs()
				for b.Loop() {
					_, _ = topics.Publish("a", m)
					h.turn()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*members), "ns/member")
			})
		}
	}
}

// What waits for a loop that does not come is bounded. A loop that comes sends as much in a turn as a
// turn may take.
func TestPublish_FailsWhenALoopIsBehind(t *testing.T) {
	h := newHost(10)
	defer h.close()
	topics := &Topics{MaxBacklog: 1 << 20}
	h.allSubscribe(t, topics, "a")
	m := conn.Message{Type: conn.Binary, Payload: make([]byte, 1000)}
	n := 0
	for ; n < 10_000; n++ {
		if _, err := topics.Publish("a", m); err != nil {
			expect(t, "error", err, ErrBusy)
			break
		}
	}
	if n < 600 || n > 700 { // a message takes about as much again
		t.Errorf("%d messages wait", n)
	}
	_, err := topics.Publish("a", m)
	expect(t, "error", err, ErrBusy)
	h.asked[0]()
	delivered := topics.Stats().Delivered
	if delivered < turnShare*3/4 || delivered > turnShare {
		t.Errorf("%d messages are sent in a turn", delivered)
	}
	h.turn()
	expect(t, "delivered", topics.Stats().Delivered, uint64(10*n))
	expect(t, "backlog", topics.names["a"].parts[0].shard.backlog.Load(), 0)
	_, err = topics.Publish("a", m)
	expect(t, "error", err, nil)
	h.turn()
}
