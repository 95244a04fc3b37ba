package relay

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/framerail/framerail/poller"
)

// What was read, and what is being read, goes with the connection, there and back.
func TestLend_ThereAndBack(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.poll.Add(b.Number(), poller.Read, 7))
	b.send("read before")
	b.await(poller.Read)
	for range 3 {
		l := b.Lend()
		b.must(b.poll.Remove(b.Number()))
		b.must(b.Close())
		buf := make([]byte, 100)
		n, err := l.Read(buf)
		b.must(err)
		if got := string(buf[:n]); got != "read before" {
			t.Fatalf("got %q", got)
		}
		go b.peer.Write([]byte("and behind"))
		n, err = io.ReadFull(l, buf[:len("and behind")])
		b.must(err)
		if got := string(buf[:n]); got != "and behind" {
			t.Fatalf("got %q", got)
		}
		go l.Write([]byte("answer"))
		_, err = io.ReadFull(b.peer, buf[:len("answer")])
		b.must(err)
		if n, err := l.WriteNow([]byte("now")); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		_, err = io.ReadFull(b.peer, buf[:3])
		b.must(err)

		b.must(l.SetReadDeadline(time.Unix(1, 0)))
		if _, err := l.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("read beyond its deadline: %v", err)
		}
		c, err := l.Regain()
		b.must(err)
		if c != b.Conn || At(c.Number()) != c {
			t.Fatal("another came back")
		}
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		b.nothing()
		b.send("read before")
		b.await(poller.Read)
	}
	b.must(b.Close())
}

// A Lent that is closed before the loop has closed leaves the connection to the loop.
func TestLend_Undone(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.poll.Add(b.Number(), poller.Read, 7))
	l := b.Lend()
	b.must(l.Close())
	if err := l.Close(); err == nil {
		t.Error("it was closed twice")
	}
	b.send("still here")
	b.await(poller.Read)
	b.take("still here")
	b.must(b.Close())
}

// Close ends reads that wait, and the connection.
func TestLend_Close(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.poll.Add(b.Number(), poller.Read, 7))
	l := b.Lend()
	b.must(b.poll.Remove(b.Number()))
	b.must(b.Close())
	read := make(chan error, 1)
	go func() {
		_, err := l.Read(make([]byte, 1))
		read <- err
	}()
	time.Sleep(time.Millisecond) // it may have begun
	b.must(l.Close())
	if err := <-read; err == nil {
		t.Error("a read of a closed connection has succeeded")
	}
	if _, err := b.peer.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the peer got %v", err)
	}
	if _, err := l.Regain(); err != net.ErrClosed {
		t.Errorf("regained with %v", err)
	}
}

// After Close nothing is read from a buffer that may be another connection's by then.
func TestLend_CloseForgetsWhatWasNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		b.sendBurst("in a large buffer")
		b.await(poller.Read)
		if b.Lent() != readSize {
			t.Errorf("%d bytes are lent", b.Lent())
		}
		l := b.Lend()
		b.must(b.poll.Remove(b.Number()))
		b.must(b.Close())
		b.must(l.Close())
		if n, err := l.Read(make([]byte, 100)); n != 0 || err != net.ErrClosed {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
}

// A large buffer goes back to the pool though a read into it goes on at Close.
func TestLend_CloseGivesTheBufferBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		b.sendBurst("")
		l := b.Lend()
		b.must(b.poll.Remove(b.Number()))
		b.must(b.Close())
		if b.Lent() != readSize {
			t.Errorf("%d bytes are lent", b.Lent())
		}
		b.must(l.Close())
		b.awaitNothingLent()
	})
}

// A large buffer goes back to the pool though the Close of the net.Conn does not end the read into it.
func TestLend_CloseGivesTheBufferOfAStuckReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		b := benchOver(t, nil, deaf{near}, far)
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		b.sendBurst("")
		l := b.Lend()
		b.must(b.poll.Remove(b.Number()))
		b.must(b.Close())
		b.must(l.Close())
		time.Sleep(closeTimeout)
		synctest.Wait()
		if n, bytes := b.pool.Lent(); n != 0 || bytes != 0 {
			t.Errorf("%d buffers are lent, %d bytes", n, bytes)
		}
	})
}

// deaf is a net.Conn whose Close does not end a Read.
type deaf struct{ net.Conn }

func (deaf) Close() error { return nil }

// A deadline that was over while the Conn's own read went on does not end a read after it, if there is another deadline.
func TestLend_ADeadlineOfBeforeEndsNoRead(t *testing.T) {
	for name, set := range map[string]func(l *Lent, at time.Time) error{
		"SetReadDeadline": (*Lent).SetReadDeadline,
		"SetDeadline":     (*Lent).SetDeadline,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.must(b.poll.Add(b.Number(), poller.Read, 7))
				l := b.Lend()
				b.must(b.poll.Remove(b.Number()))
				b.must(b.Close())
				b.must(set(l, time.Unix(1, 0)))
				synctest.Wait() // the read of the Conn has ended
				b.must(set(l, time.Time{}))
				go b.peer.Write([]byte("hello"))
				buf := make([]byte, 5)
				if n, err := l.Read(buf); err != nil || string(buf[:n]) != "hello" {
					t.Errorf("read %q, %v", buf[:n], err)
				}
				b.must(set(l, time.Unix(1, 0)))
				if _, err := l.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("read beyond its deadline: %v", err)
				}
				b.must(l.Close())
			})
		})
	}
}

// A Read that waits for the one of the Conn ends when a loop takes the connection back.
func TestLend_RegainEndsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		l := b.Lend()
		b.must(b.poll.Remove(b.Number()))
		b.must(b.Close())
		waiting := make(chan error, 1)
		go func() { _, err := l.Read(make([]byte, 1)); waiting <- err }()
		synctest.Wait()
		c, err := l.Regain()
		b.must(err)
		if err := <-waiting; err != net.ErrClosed {
			t.Errorf("ended with %v", err)
		}
		b.must(c.Close())
	})
}
