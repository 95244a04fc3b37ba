package relay

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// fill writes until nothing more is taken, and returns how much was.
func (b *bench) fill() (sent int) {
	b.t.Helper()
	for piece := make([]byte, 1000); ; {
		n, err := b.Write([][]byte{piece})
		if sent += n; err == nil {
			continue
		}
		if err != transport.ErrWouldBlock {
			b.t.Fatal(err)
		}
		b.mu.Lock()
		full := b.leaving != nil && b.out != nil
		b.mu.Unlock()
		if full {
			return sent
		}
		time.Sleep(time.Millisecond) // the goroutine has not taken anything yet
	}
}

// What a peer does not read lies in buffers of the loop's pool, and goes back to it however the connection ends.
func TestPool_CountsWhatIsUnsent(t *testing.T) {
	for name, end := range map[string]func(b *bench){
		"closed": func(b *bench) { b.must(b.Close()) },
		"cut":    func(b *bench) { b.must(b.Cut(0)) },
		"left by the peer": func(b *bench) {
			_ = b.peer.Close()
			for _, err := b.Write([][]byte{{0}}); err == nil || err == transport.ErrWouldBlock; _, err = b.Write([][]byte{{0}}) {
				time.Sleep(time.Millisecond)
			}
			b.awaitNothingLent() // before the loop closes
			b.must(b.Close())
		},
		"read after all": func(b *bench) {
			go io.Copy(io.Discard, b.peer)
			b.awaitNothingLent()
			b.must(b.Close())
		},
		"handed over": func(b *bench) {
			l := b.Lend()
			b.must(b.Close())
			go io.Copy(io.Discard, b.peer)
			if _, err := l.Write([]byte("and more")); err != nil { // it waits for the rest
				b.t.Error(err)
			}
			b.awaitNothingLent()
			b.must(l.Close())
		},
		"handed over and closed": func(b *bench) {
			l := b.Lend()
			b.must(b.Close())
			b.must(l.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.must(b.poll.Add(b.Number(), poller.Read|poller.Write, 7))
				sent := b.fill()
				if n, bytes := b.pool.Lent(); n != 2 || bytes < int64(sent) || b.Lent() != int(bytes) {
					t.Errorf("%d buffers are lent with %d bytes for %d, and the Conn has %d", n, bytes, sent, b.Lent())
				}
				end(b)
				b.awaitNothingLent()
			})
		})
	}
}

// What other code has not sent when it gives up a connection is in the pool of the loop that lent the connection.
func TestPool_CountsWhatIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		l := b.Lend()
		b.must(b.Close())
		if n, err := l.WriteNow(make([]byte, 2000)); n != 2000 || err != nil {
			t.Fatal(n, err)
		}
		if n, bytes := b.pool.Lent(); n != 1 || bytes != 2048 {
			t.Errorf("%d buffers are lent with %d bytes", n, bytes)
		}
		b.must(l.Close())
		b.awaitNothingLent()
	})
}

// burst is what fills the small buffer twice at once, so that a long read follows.
var burst = strings.Repeat("a", 2*waitSize)

// sendBurst has the peer send so much that a long read follows, and more.
func (b *bench) sendBurst(more string) {
	b.t.Helper()
	go io.WriteString(b.peer, burst+more)
	b.take(burst)
}

// Long reads have a buffer of the pool while memory is ample. Otherwise short reads go on, and all comes.
func TestPool_LongReadsAreForWhenMemoryIsAmple(t *testing.T) {
	for ample, want := range map[bool]int{true: readSize, false: 0} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, nil)
			b.pool.SetAmple(func() bool { return ample })
			b.must(b.poll.Add(b.Number(), poller.Read, 7))
			b.sendBurst("")
			if n := b.Lent(); n != want {
				t.Errorf("memory is ample: %v: %d bytes are lent, want %d", ample, n, want)
			}
			go io.WriteString(b.peer, strings.Repeat("b", 5000))
			b.take(strings.Repeat("b", 5000))
			b.must(b.Close())
		})
	}
}

// A connection that is silent holds no buffer of the pool, though its messages fill the small one.
func TestPool_ASilentConnectionHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		for range 5 {
			b.send(strings.Repeat("a", waitSize))
			b.take(strings.Repeat("a", waitSize))
			time.Sleep(time.Second)
			if n := b.Lent(); n != 0 {
				t.Fatalf("%d bytes are lent", n)
			}
		}
		b.must(b.Close())
	})
}

// A Conn takes the pool of the loop that it comes to. What it holds of an earlier pool moves there.
func TestPool_GoesWithTheLoop(t *testing.T) {
	b := newBench(t, nil)
	first, second := &b.pool, new(buffer.Pool)
	b.must(b.poll.Add(b.Number(), poller.Read|poller.Write, 7))
	b.fill()
	n, bytes := first.Lent()
	b.SetPool(second)
	if left, _ := first.Lent(); left != 0 {
		t.Errorf("%d buffers of the first pool are lent", left)
	}
	if moved, size := second.Lent(); moved != n || size != bytes || n != 2 {
		t.Errorf("%d of %d buffers have moved, with %d of %d bytes", moved, n, size, bytes)
	}
	ended := make(chan struct{})
	b.OnEnd(func() { close(ended) })
	b.must(b.Cut(0))
	<-ended
	if n, bytes := second.Lent(); n != 0 || bytes != 0 {
		t.Errorf("%d buffers of the second pool are lent at the end, %d bytes", n, bytes)
	}
}

// A connection that opens and then is silent holds nothing of the pool of handshakes: a read that waits moves too.
func TestPool_AReadThatWaitsGoesWithTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		var second buffer.Pool
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		b.sendBurst("")
		synctest.Wait()
		b.SetPool(&second)
		if n, bytes := b.pool.Lent(); n != 0 || bytes != 0 {
			t.Errorf("%d buffers of the first pool are lent, %d bytes", n, bytes)
		}
		if n, bytes := second.Lent(); n != 1 || bytes != readSize {
			t.Errorf("%d buffers of the second pool are lent, %d bytes", n, bytes)
		}
		b.send("more")
		b.take("more")
		b.must(b.Close())
		synctest.Wait()
		if n, bytes := second.Lent(); n != 0 || bytes != 0 {
			t.Errorf("%d buffers of the second pool are lent at the end, %d bytes", n, bytes)
		}
	})
}
