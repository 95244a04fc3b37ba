package session

import (
	stdcontext "context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

var background = stdcontext.Background()

// sendWaits begins a SendWait on a goroutine and waits until it waits: the nth that does.
func (r *rig) sendWaits(ctx stdcontext.Context, nth int, payload string) <-chan error {
	r.t.Helper()
	done := make(chan error, 1)
	go func() { done <- r.c.SendWait(ctx, Text, []byte(payload)) }()
	r.eventually("SendWait to wait", func() bool { return r.waiters() == nth })
	return done
}

func (r *rig) waiters() (n int) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.c.tx == nil {
		return 0
	}
	for w := r.c.tx.waiters.first; w != nil; w = w.next {
		n++
	}
	return n
}

func (r *rig) result(done <-chan error) error {
	r.t.Helper()
	r.eventually("SendWait's return", func() bool { return len(done) > 0 })
	return <-done
}

// However much is sent, in whichever policy's stead, a quarter of the bound and a message
// are pending at most, and all of it arrives in order.
func TestSendWait_KeepsWithinAQuarterOfTheBound(t *testing.T) {
	const bound, size, n = 64 << 10, 1 << 10, 2000
	for policy := range OverflowLatest + 1 {
		synctest.Test(t, func(t *testing.T) {
			r := openRig(t, Config{MaxPending: bound, Overflow: policy})
			r.drain(0)
			done := make(chan error, 1)
			go func() {
				for i := range n {
					if err := r.c.SendWait(background, Binary, fmt.Appendf(nil, "%0*d", size, i)); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
			most, next := 0, 0
			r.eventually("the last message", func() bool {
				most = max(most, r.c.Pending())
				r.drain(3 * size)
				r.wire.mu.Lock()
				out := r.wire.out.Bytes()
				for len(out) >= 4+size {
					if got := string(out[4 : 4+size]); got != fmt.Sprintf("%0*d", size, next) {
						t.Errorf("%v: message %d is %q", policy, next, got)
					}
					next++
					out = out[4+size:]
				}
				rest := len(out)
				r.wire.out.Next(r.wire.out.Len() - rest)
				r.wire.mu.Unlock()
				return next == n
			})
			expect(t, "error", r.result(done), nil)
			if most > bound/4+size+4 || most < bound/4 {
				t.Errorf("%v: %d bytes were pending", policy, most)
			}
			if _, dropped := r.c.Dropped(); dropped > 0 || r.c.State() != Open {
				t.Errorf("%v: %d bytes dropped, %v", policy, dropped, r.c.State())
			}
		})
	}
}

func TestSendWait_WaitersHaveTheirTurnsInOrder(t *testing.T) {
	synctest.Test(t, waitersHaveTheirTurns) // in which a deadline passes only while all wait
}

func waitersHaveTheirTurns(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000})
	r.drain(0)
	expect(t, "Send", r.c.SendText(strings.Repeat("x", 300)), nil)
	var all []<-chan error
	for i := range 5 {
		all = append(all, r.sendWaits(background, i+1, fmt.Sprint(i, strings.Repeat("y", 200-40*i))))
	}
	gone := r.sendWaits(deadlineContext(t), 6, "not sent")
	expect(t, "its error", r.result(gone), stdcontext.DeadlineExceeded)
	// Room for a short one is none for the one before it.
	expect(t, "Send, which does not wait", r.c.SendText("z"), nil)
	r.eventually("all to be sent", func() bool { r.drain(10); return r.c.Pending() == 0 && r.waiters() == 0 })
	for _, done := range all {
		expect(t, "error", r.result(done), nil)
	}
	var order string
	for _, m := range messagesOf(r.sent()) {
		order += m[:1]
	}
	expect(t, "order", order, "xz01234")
}

// deadlineContext is one that ends soon.
func deadlineContext(t *testing.T) stdcontext.Context {
	ctx, stop := stdcontext.WithTimeout(background, 20*time.Millisecond)
	t.Cleanup(stop)
	return ctx
}

// The end of a context sends nothing, and changes nothing else: also with a queue that was
// kept for the one that waits.
func TestSendWait_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, sendWaitEndsWithItsContext)
}

func sendWaitEndsWithItsContext(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000})
	done, cancel := stdcontext.WithCancel(background)
	cancel()
	expect(t, "with an ended context", r.c.SendWait(done, Text, []byte("no")), stdcontext.Canceled)
	r.drain(0)
	expect(t, "Send", r.c.SendText(strings.Repeat("x", 400)), nil)
	for range 3 {
		expect(t, "error", r.result(r.sendWaits(deadlineContext(t), 1, "no")), stdcontext.DeadlineExceeded)
		expect(t, "waiters", r.waiters(), 0)
	}
	expect(t, "state", r.c.State(), Open)
	r.drain(-1)
	expect(t, "SendWait", r.c.SendWait(background, Text, []byte("yes")), nil)
	r.turn()
	expect(t, "received", fmt.Sprint(len(messagesOf(r.sent()))), "2")
	if r.c.tx != nil {
		t.Error("the queue was kept")
	}
}

func TestSendWait_EndsWithTheConnection(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"close":        func(r *rig) { _ = r.c.Close(frame.NormalClosure, "") },
		"abort":        func(r *rig) { r.c.Abort() },
		"loop's abort": func(r *rig) { r.d.Abort(nil) },
		"peer's close": func(r *rig) { r.receive(peerClose(frame.NormalClosure, "")) },
		"peer's end":   func(r *rig) { r.end(io.EOF) },
		"peer's fault": func(r *rig) { r.receive([]byte{0xFF, 0xFF}) },
		"shed":         func(r *rig) { r.d.Shed() },
		"write timeout": func(r *rig) { // which counts from when the loop has heard of what waits
			r.eventually("the end", func() bool {
				r.advance(2 * DefaultWriteTimeout)
				return r.closed > 0
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{MaxPending: 1000})
			r.drain(0)
			expect(t, "Send", r.c.SendText(strings.Repeat("x", 300)), nil)
			one := r.sendWaits(background, 1, "one")
			two := r.sendWaits(background, 2, "two")
			end(r)
			expect(t, "error", r.result(one), ErrClosed)
			expect(t, "error of the second", r.result(two), ErrClosed)
			expect(t, "SendWait later", r.c.SendWait(background, Text, nil), ErrClosed)
		})
	}
}

// While a Writer is open, messages wait behind its own, within their half of the bound.
func TestSendWait_WaitsForAnOpenWriter(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000})
	w, _ := r.c.NewWriter(Text)
	_, _ = w.WriteString("writer")
	expect(t, "SendWait", r.c.SendWait(background, Text, []byte(strings.Repeat("1", 260))), nil)
	second := r.sendWaits(background, 1, "2")
	third := r.sendWaits(background, 2, strings.Repeat("3", 600))
	expect(t, "Close", w.Close(), nil)
	expect(t, "error", r.result(second), nil)
	expect(t, "error", r.result(third), nil)
	r.turn()
	var order string
	for _, m := range messagesOf(r.sent()) {
		order += m[:1]
	}
	expect(t, "order", order, "w123")
}

func TestSendWait_OtherErrors(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000})
	expect(t, "type", r.c.SendWait(background, frame.Ping, nil), ErrMessageType)
	expect(t, "size", r.c.SendWait(background, Binary, make([]byte, 1001)), ErrMessageTooLarge)
	expect(t, "nothing", len(r.sent()), 0)
	expect(t, "all of the bound", r.c.SendWait(background, Binary, make([]byte, 996)), nil)
}

// Compressed messages wait for as much room as they take.
func TestSendWait_Compresses(t *testing.T) {
	for _, reset := range []bool{true, false} {
		r := newRig(t, Config{MaxPending: 4 << 10, Deflate: Deflate{Threshold: -1}})
		r.d.Open(Opening{Deflate: &deflate.Params{ServerNoContextTakeover: reset}})
		long := strings.Repeat("0123456789", 1000) // fits only once it is compressed
		if !reset {
			long = long[:1000] // with a context it is compressed when there is room for all of it
		}
		r.drain(0)
		expect(t, "SendWait", r.c.SendWait(background, Text, []byte(long)), nil)
		r.turn()
		n := 0
		for r.c.Pending() <= 1<<10 {
			expect(t, "SendWait", r.c.SendWait(background, Text, []byte(long)), nil)
			n++
		}
		done := r.sendWaits(background, 1, long)
		r.drain(-1)
		expect(t, "error", r.result(done), nil)
		if n < 5 {
			t.Errorf("%d messages were pending", n)
		}
	}
}

// On an event loop a call that waits fails always, for whichever connection it is and
// though there is room; elsewhere it does not, also while loops are awake.
func TestSendWait_FailsOnALoop(t *testing.T) {
	r, other := openRig(t, Config{}), openRig(t, Config{})
	w, _ := other.c.NewWriter(Binary)
	check := func(want error) {
		t.Helper()
		expect(t, "own", r.c.SendWait(background, Text, nil), want)
		expect(t, "another's", other.c.SendWait(background, Text, nil), want)
		_, err := w.ReadFrom(strings.NewReader("x"))
		expect(t, "ReadFrom", err, want)
		_, err = w.CopyFrom(background, strings.NewReader("x"))
		expect(t, "CopyFrom", err, want)
	}
	check(nil)
	r.loop.Run(func() {
		check(ErrOnLoop)
		r.loop.Sleeps(true)
		r.loop.Sleeps(false)
		deep(500, func() { check(ErrOnLoop) })
		func() {
			defer func() { check(ErrOnLoop); _ = recover() }()
			panic("x")
		}()
		beside := make(chan bool)
		go func() { defer close(beside); check(nil); deep(500, func() { check(nil) }) }()
		<-beside
	})
	ended := make(chan bool)
	go func() { // as t.FailNow in a callback
		defer close(ended)
		defer check(nil)
		r.loop.Run(func() {
			defer check(ErrOnLoop)
			runtime.Goexit()
		})
	}()
	<-ended
	check(nil)
	if all := *running.loops.Load(); len(all) > 0 {
		t.Errorf("%d loops are still taken to run", len(all))
	}
	_ = w.Close()
}

func deep(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
}

// CopyFrom ends with its context, and the Writer goes on behind it.
func TestWriter_CopyFromEndsWithItsContext(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000})
	r.drain(0)
	w, _ := r.c.NewWriter(Binary)
	type result struct {
		n   int64
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := w.CopyFrom(deadlineContext(t), endless{})
		done <- result{n, err}
	}()
	r.eventually("its end", func() bool { return len(done) > 0 })
	got := <-done
	expect(t, "error", got.err, stdcontext.DeadlineExceeded)
	r.drain(-1)
	n, err := w.CopyFrom(background, strings.NewReader("rest"))
	expect(t, "error", errors.Join(err, w.Close()), nil)
	r.turn()
	if m := messagesOf(r.sent()); len(m) != 1 || int64(len(m[0])-1) != got.n+n {
		t.Errorf("%d messages", len(m))
	}
}

// One that waits takes as much as the documentation of SendWait says.
func TestSendWait_MemoryOfAWaiter(t *testing.T) {
	if size := unsafe.Sizeof(waiter{}); size > 96 {
		t.Errorf("a waiter has %d bytes", size)
	}
}

// A peer below the mark from which it is not read from lives, too, while it takes bytes,
// be the next ping far behind in what it is to read.
func TestPeerThatTakesBytesLivesThoughItIsReadFrom(t *testing.T) {
	for _, stall := range []time.Duration{-1, idle * 3 / 4, 10 * idle} {
		r := openRig(t, Config{IdleTimeout: idle, WriteTimeout: stall})
		r.drain(0)
		expect(t, "Send", r.c.SendText(strings.Repeat("x", 1000)), nil)
		r.turn()
		expect(t, "read interest", r.read, true)
		for range 20 {
			r.advance(idle / 3)
			r.drain(10)
		}
		expect(t, "closed", r.wire.closed, false)
		for range 5 { // the socket has no room that it would tell of
			r.advance(idle / 3)
			r.wire.room = 1
			r.advance(idle / 3)
		}
		expect(t, "closed while it takes single bytes", r.wire.closed, false)
		r.wire.room = 0
		r.advance(idle + idle/2)
		expect(t, "closed once it takes none", r.wire.closed, true)
	}
}

// What SendWait takes beyond Send, to know that it is not on a loop.
func BenchmarkOnLoop(b *testing.B) {
	r := openRig(b, Config{})
	for _, asleep := range []bool{true, false} {
		b.Run(fmt.Sprintf("asleep=%v", asleep), func(b *testing.B) {
			begun, end := make(chan bool), make(chan bool)
			go r.loop.Run(func() { r.loop.Sleeps(asleep); close(begun); <-end })
			<-begun
			defer close(end)
			b.ReportAllocs()
			for range b.N {
				if RunsOnLoop() {
					b.Fatal("the loop is another goroutine")
				}
			}
		})
	}
}
