package topics

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/server"
)

// windows are agreements on each window that a client can choose.
func windows() (all []*deflate.Params) {
	for bits := 9; bits <= 15; bits++ {
		all = append(all, &deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: bits})
	}
	return all
}

// A history takes as much memory as its Bytes say, whatever windows its members have agreed on, and whoever has come back.
func TestHistory_MemoryIsBoundedByBytes(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	rnd := rand.New(rand.NewPCG(1, 13))
	for name, payload := range map[string]func() []byte{
		"short": func() []byte { return fmt.Appendf(nil, "%050d", rnd.Uint64()) },
		"prose": func() []byte { return fmt.Appendf(nil, "%x %0500d", noise(rnd, 240), rnd.Uint64()) },
		"noise": func() []byte { return noise(rnd, 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			const most = 1 << 20
			took := int64(0)
			for range 10 { // what other tests have left may go meanwhile, or grow
				if took = memoryOfHistory(t, most, payload); took > most*3/4 && took < most*9/8 {
					break
				}
			}
			t.Logf("%d bytes, %.2f times what is allowed", took, float64(took)/most)
			if took < most*3/4 || took > most*9/8 {
				t.Errorf("a history of %d bytes takes %d", most, took)
			}
		})
	}
}

func noise(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// memoryOfHistory is how many bytes the heap grows by for a history of at most so many. It is full, has been sent to members of
// all windows, and each of them has come back.
func memoryOfHistory(t *testing.T, most int, payload func() []byte) int64 {
	h := newHostOf(windows())
	defer h.close()
	topics := &Topics{History: keep(History{Messages: 1 << 20, Bytes: most})}
	h.allSubscribe(t, topics, "a")
	before := heapBytes()
	r := &topics.names["a"].history
	for r.floor == 0 {
		if _, err := topics.Publish("a", conn.Message{Type: conn.Binary, Payload: payload()}); err != nil {
			t.Fatal(err)
		}
		h.turn()
	}
	since := topics.names["a"].position()
	since.Offset -= uint64(r.n) / 2
	for _, d := range h.all {
		err := topics.SubscribeSince(connOf(&d.Conn), "a", since, func(_ Position, err error) { expect(t, "since", err, nil) })
		expect(t, "error", err, nil)
		h.turn()
	}
	took := heapBytes() - before
	for i := range r.n {
		if pub := r.at(i); pub.senders != 0 || pub.keepers != 1 {
			t.Fatalf("%d are to send a message that only the history has, and %d keep it", pub.senders, pub.keepers)
		}
	}
	return took
}

// What waits for a loop is counted with all that it takes to know it.
func TestBacklog_CountsItsOperations(t *testing.T) {
	if size := 2 * unsafe.Sizeof(operation{}); size > opCost {
		t.Errorf("an operation in two lists takes %d bytes, and counts %d", size, opCost)
	}
}

// The last message is held with its compressed forms for newcomers. When another one is published it is not.
func TestHistory_OnlyTheLastIsHeldForNewcomers(t *testing.T) {
	h := newHostOf(windows())
	defer h.close()
	topics := &Topics{History: keep(History{Messages: 10, Last: true})}
	h.allSubscribe(t, topics, "a")
	for range 3 {
		_, err := topics.Publish("a", text(strings.Repeat("the same ", 100)))
		expect(t, "error", err, nil)
		h.turn()
	}
	r := &topics.names["a"].history
	for i := range r.n {
		pub, senders := r.at(i), 0
		if i == r.n-1 {
			senders = 1
		}
		if pub.senders != senders || pub.keepers != 1 {
			t.Errorf("message %d of %d: %d are to send it, %d keep it", i, r.n, pub.senders, pub.keepers)
		}
	}
}

// Members get each message whole, and so do those that come back, while others are done with it and its compressed forms go.
func TestContention_CompressedMessagesOfAHistory(t *testing.T) {
	if err := (platform.Real{}).Supported(); err != nil {
		t.Skip(err)
	}
	const members, published, comebacks = 6, 300, 20
	message := func(n int) string { return fmt.Sprint(n, strings.Repeat(fmt.Sprint(" ", n), 150)) }
	h := &Topics{History: keep(History{Messages: 15})}
	joined := make(chan *conn.Conn, members)
	srv := &server.Server{Addr: "127.0.0.1:0", Loops: 2, Logger: quiet, Deflate: server.Deflate{Enabled: true}}
	srv.MessagesPerSecond, srv.CompressionPerSecond = -1, -1
	srv.OnConnection = func(c *conn.Conn) { joined <- c }
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = srv.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var ended sync.WaitGroup // members that have got the last message
	var all []*conn.Conn
	for i := range members {
		c := &client.Client{Logger: quiet, Deflate: client.Deflate{Enabled: true, ServerWindowBits: 10 + i%3*2}}
		c.MessagesPerSecond, c.CompressionPerSecond = -1, -1
		var hasEnded atomic.Bool
		c.OnMessage = func(_ *conn.Conn, m conn.Message) {
			var n int
			_, _ = fmt.Sscan(m.String(), &n)
			if s := m.String(); s != message(n) {
				t.Errorf("a message that is wrong: %.100q", s)
			}
			if n == published-1 && hasEnded.CompareAndSwap(false, true) {
				ended.Done()
			}
		}
		defer func() { _ = c.Close() }()
		ended.Add(1)
		if _, err := c.Dial(ctx, "ws://"+srv.ListenAddr().String()); err != nil {
			t.Fatal(err)
		}
		all = append(all, <-joined)
	}
	begin := Position{}
	for _, c := range all {
		var err error
		begin, err = h.Subscribe(c, "a")
		expect(t, "subscribe", err, nil)
	}
	var last atomic.Uint64
	var busy sync.WaitGroup
	busy.Go(func() {
		for n := range published {
			at, err := h.Publish("a", text(message(n)))
			expect(t, "publish", err, nil)
			last.Store(at.Offset)
		}
	})
	for _, c := range all {
		busy.Go(func() { // what is sent again in all fits into MaxPending
			answers := make(chan error, 1)
			for range comebacks {
				at := last.Load()
				err := h.SubscribeSince(c, "a", Position{begin.Epoch, at - min(at, 10)}, func(_ Position, err error) { answers <- err })
				expect(t, "error", err, nil)
				select {
				case err := <-answers:
					if err != nil && err != ErrGap && err != ErrTooMuch {
						t.Error(err)
					}
				case <-ctx.Done():
					t.Error("no answer")
					return
				}
			}
		})
	}
	busy.Wait()
	got := make(chan struct{})
	go func() { ended.Wait(); close(got) }()
	select {
	case <-got:
	case <-ctx.Done():
		t.Fatal("the last message does not come to all")
	}
}
