package relay

import (
	"errors"
	"io"
	"math"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/framerail/framerail/poller"
)

func refuseDeadlines(time.Time) error { return errors.ErrUnsupported }

// A Write that Close does not end holds its own goroutine only. So does a CloseWrite, and a Close from before the loop's.
// The pool counts no bytes of theirs any more, and does not lend them to others.
func TestClose_AWriteThatItDoesNotEndIsNotWaitedFor(t *testing.T) {
	fill := func(b *bench) { b.fill() }
	end := func(b *bench) { b.must(b.CloseWrite()) }
	for name, stuck := range map[string]struct {
		set   func(o *odd, wait func())
		begin func(b *bench)
		want  func(patience time.Duration) time.Duration
	}{
		"Write": {
			func(o *odd, wait func()) {},
			fill,
			func(patience time.Duration) time.Duration { return patience + lateTimeout + closeTimeout },
		},
		"Write without deadlines": {
			func(o *odd, wait func()) { o.setWriteDeadline = refuseDeadlines },
			fill,
			func(patience time.Duration) time.Duration { return patience + closeTimeout },
		},
		"CloseWrite": {
			func(o *odd, wait func()) { o.closeWrite = func() error { wait(); return nil } },
			end,
			func(patience time.Duration) time.Duration { return patience + lateTimeout + closeTimeout },
		},
		"Close": {
			func(o *odd, wait func()) { o.close = func() error { wait(); return o.Conn.Close() } },
			end,
			func(time.Duration) time.Duration { return closeTimeout },
		},
	} {
		for kind, patience := range map[string]time.Duration{"closed": lingerTimeout, "cut": 0} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := net.Pipe()
					o, release, held := &odd{Conn: near}, make(chan bool), make(chan []byte, 1)
					defer close(release)
					o.write = func(p []byte) (int, error) { held <- p; <-release; return len(p), nil }
					stuck.set(o, func() { <-release })
					b := benchOver(t, nil, o, far)
					ended := b.ending()
					b.must(b.poll.Add(b.Number(), poller.Read, 7))
					b.sendBurst("")
					stuck.begin(b)
					synctest.Wait()
					begin := time.Now()
					atOnce(t, "Cut", func() { b.must(b.Cut(patience)) })
					<-ended
					if took := time.Since(begin); took != stuck.want(patience) {
						t.Errorf("it was waited for for %v, want %v", took, stuck.want(patience))
					}
					if n, bytes := b.pool.Lent(); n != 0 || bytes != 0 {
						t.Errorf("%d buffers are lent, %d bytes", n, bytes)
					}
					select {
					case p := <-held:
						if other := b.pool.Get(len(p)); &other.B[:1][0] == &p[0] {
							t.Error("bytes that are being written are lent to another")
						} else {
							other.Release()
						}
					default:
					}
				})
			})
		}
	}
}

// A net.Conn is closed once, whether or not a peer reads what is being written at Close.
func TestClose_ClosesOnce(t *testing.T) {
	for name, reads := range map[string]bool{"peer reads": true, "peer does not read": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				var closes atomic.Int32
				o := &odd{Conn: near, setWriteDeadline: refuseDeadlines}
				o.close = func() error { closes.Add(1); return near.Close() }
				b := benchOver(t, nil, o, far)
				ended := b.ending()
				b.must(b.poll.Add(b.Number(), poller.Read, 7))
				b.fill()
				b.must(b.Close())
				if reads {
					_, _ = io.Copy(io.Discard, b.peer)
				}
				<-ended
				time.Sleep(2 * (lingerTimeout + lateTimeout + closeTimeout))
				if n := closes.Load(); n != 1 {
					t.Errorf("it was closed %d times", n)
				}
			})
		})
	}
}

// The longest patience that there is leaves a peer time.
func TestCut_TheLongestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		ended := b.ending()
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		sent := b.fill()
		b.must(b.Cut(math.MaxInt64))
		time.Sleep(30 * time.Second)
		got, err := io.ReadAll(b.peer)
		if len(got) != sent || err != nil {
			t.Errorf("%d of %d bytes came, %v", len(got), sent, err)
		}
		<-ended
	})
}
