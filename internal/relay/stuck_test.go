package relay

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/poller"
)

// odd is a net.Conn of a type that does not keep the contract. A nil function leaves the method as it is.
type odd struct {
	net.Conn
	read             func(b []byte) (int, error)
	write            func(b []byte) (int, error)
	setWriteDeadline func(time.Time) error
	closeWrite       func() error
	close            func() error
}

func (o *odd) Read(b []byte) (int, error) {
	if o.read != nil {
		return o.read(b)
	}
	return o.Conn.Read(b)
}

func (o *odd) Write(b []byte) (int, error) {
	if o.write != nil {
		return o.write(b)
	}
	return o.Conn.Write(b)
}

func (o *odd) SetWriteDeadline(t time.Time) error {
	if o.setWriteDeadline != nil {
		return o.setWriteDeadline(t)
	}
	return o.Conn.SetWriteDeadline(t)
}

func (o *odd) CloseWrite() error {
	if o.closeWrite != nil {
		return o.closeWrite()
	}
	return errors.ErrUnsupported // as for a pipe
}

func (o *odd) Close() error {
	if o.close != nil {
		return o.close()
	}
	return o.Conn.Close()
}

// ending has the returned channel closed when the Conn ends.
func (b *bench) ending() <-chan struct{} {
	ended := make(chan struct{})
	b.OnEnd(func() { close(ended) })
	return ended
}

// atOnce fails if f takes any time. In a bubble of synctest.
func atOnce(t *testing.T, what string, f func()) {
	t.Helper()
	before := time.Now()
	if f(); time.Since(before) > 0 {
		t.Errorf("%s took %v", what, time.Since(before))
	}
}

// A write that is stuck ends, and gives its bytes back, whatever the type makes of deadlines. The loop does not wait.
func TestClose_EndsAWriteThatKnowsNoDeadlines(t *testing.T) {
	for name, patience := range map[string]time.Duration{"closed": lingerTimeout, "cut": 0} {
		for kind, set := range map[string]func(o *odd){
			"refuses deadlines": func(o *odd) { o.setWriteDeadline = func(time.Time) error { return errors.ErrUnsupported } },
			"ignores deadlines": func(o *odd) { o.setWriteDeadline = func(time.Time) error { return nil } },
			"waits for its write": func(o *odd) {
				turn := make(chan bool, 1)
				o.write = func(b []byte) (int, error) {
					turn <- true
					defer func() { <-turn }()
					return o.Conn.Write(b)
				}
				o.setWriteDeadline = func(until time.Time) error {
					turn <- true
					defer func() { <-turn }()
					return o.Conn.SetWriteDeadline(until)
				}
			},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := net.Pipe()
					o := &odd{Conn: near}
					set(o)
					b := benchOver(t, nil, o, far)
					ended := b.ending()
					b.must(b.poll.Add(b.Number(), poller.Read, 7))
					b.fill()
					begin := time.Now()
					atOnce(t, "Cut", func() { b.must(b.Cut(patience)) })
					<-ended
					if took := time.Since(begin); took > patience+lateTimeout {
						t.Errorf("it took %v", took)
					}
					b.awaitNothingLent()
				})
			})
		}
	}
}

// A Close that does not return holds its own goroutine only, and so does a Read that Close does not end.
func TestClose_ThatDoesNotReturnIsNotWaitedFor(t *testing.T) {
	for name, set := range map[string]func(o *odd, release chan bool){
		"Close": func(o *odd, release chan bool) {
			o.close = func() error { <-release; return o.Conn.Close() }
		},
		"Read": func(o *odd, release chan bool) {
			o.read = func([]byte) (int, error) { <-release; return 0, io.EOF }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				o, release := &odd{Conn: near}, make(chan bool)
				set(o, release)
				b := benchOver(t, nil, o, far)
				ended := b.ending()
				b.must(b.poll.Add(b.Number(), poller.Read, 7))
				begin := time.Now()
				atOnce(t, "Close", func() { b.must(b.Close()) })
				<-ended
				if took := time.Since(begin); took != closeTimeout {
					t.Errorf("it was waited for for %v", took)
				}
				close(release)
			})
		})
	}
}

// A Conn has ended only when nothing reads its net.Conn any more, and all is given back.
func TestClose_EndsWithTheLastRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		o := &odd{Conn: near}
		o.read = func(p []byte) (int, error) {
			n, err := near.Read(p)
			if err != nil {
				time.Sleep(time.Second)
			}
			return n, err
		}
		b := benchOver(t, nil, o, far)
		begin, held := time.Now(), -1
		ended := make(chan struct{})
		b.OnEnd(func() {
			_, bytes := b.pool.Lent()
			held = int(bytes)
			close(ended)
		})
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		b.sendBurst("")
		b.must(b.Close())
		<-ended
		if took := time.Since(begin); took != time.Second || held != 0 {
			t.Errorf("it ended after %v, with %d bytes lent", took, held)
		}
	})
}

// A peer that does not read is cut at once over crypto/tls too, whose Close would wait for it to take close_notify.
func TestCut_OverTLSWaitsForNoFarewell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		config := testcert.Config().Clone()
		config.SessionTicketsDisabled = true // nobody reads them
		server, client := tls.Server(near, config), tls.Client(far, &tls.Config{InsecureSkipVerify: true})
		go client.Handshake()
		if err := server.Handshake(); err != nil {
			t.Fatal(err)
		}
		b := benchOver(t, nil, server, far)
		ended := b.ending()
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		b.fill()
		begin := time.Now()
		b.must(b.Cut(0))
		<-ended
		if took := time.Since(begin); took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}

// What Read and Write return beyond their contract ends the connection, and nothing else.
func TestConn_ImpossibleCounts(t *testing.T) {
	for name, set := range map[string]func(o *odd){
		"more than was asked for": func(o *odd) { o.read = func(b []byte) (int, error) { return len(b) + 1, nil } },
		"less than nothing":       func(o *odd) { o.read = func(b []byte) (int, error) { return -1, nil } },
		"nothing for ever":        func(o *odd) { o.read = func(b []byte) (int, error) { return 0, nil } },
		"less than was given":     func(o *odd) { o.write = func(b []byte) (int, error) { return len(b) - 1, nil } },
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			o := &odd{Conn: near}
			set(o)
			b := benchOver(t, nil, o, far)
			b.must(b.poll.Add(b.Number(), poller.Read, 7))
			_, _ = b.Write([][]byte{[]byte("hello")})
			b.await(poller.Read)
			if n, err := b.Read(make([]byte, 10)); n != 0 || err == nil {
				t.Errorf("read %d bytes, %v", n, err)
			}
			b.must(b.Cut(0))
		})
	}
}

// A listener may have set a deadline for its own handshake. The loop's limits take its place, as they do for a socket.
func TestNew_ClearsEarlierDeadlines(t *testing.T) {
	near, far := net.Pipe()
	if err := near.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	b := benchOver(t, nil, near, far)
	b.must(b.poll.Add(b.Number(), poller.Read, 7))
	b.send("hello")
	b.await(poller.Read)
	b.take("hello")
	if n, err := b.Write([][]byte{[]byte("hello")}); n != 5 || err != nil {
		t.Error(n, err)
	}
	if _, err := io.ReadFull(b.peer, make([]byte, 5)); err != nil {
		t.Error(err)
	}
	b.must(b.Close())
}

// A deadline that the program sets on its own net.Conn ends the connection, and says why.
func TestRead_ADeadlineOfTheProgramsIsTheEnd(t *testing.T) {
	near, far := net.Pipe()
	b := benchOver(t, nil, near, far)
	b.must(b.poll.Add(b.Number(), poller.Read, 7))
	b.send("before")
	b.await(poller.Read)
	b.must(near.SetReadDeadline(time.Unix(1, 0)))
	b.take("before")
	b.await(poller.Read)
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	b.must(b.Close())
}

// A Conn that is closed leaves its poller, as a descriptor does.
func TestClose_LeavesThePoller(t *testing.T) {
	b := newBench(t, nil)
	b.must(b.poll.Add(b.Number(), poller.Read|poller.Write, 7))
	b.await(poller.Write)
	ended := b.ending()
	b.must(b.Close())
	b.nothing()
	<-ended
	b.nothing()
}

// net/http closes its connections one after the other. None waits for a peer that does not read.
func TestLend_CloseDoesNotWait(t *testing.T) {
	for name, cut := range map[string]bool{"closed": false, "cut": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.must(b.poll.Add(b.Number(), poller.Read, 7))
				l := b.Lend()
				b.must(b.poll.Remove(b.Number()))
				b.must(b.Close())
				if n, err := l.WriteNow(make([]byte, 1000)); n != 1000 || err != nil {
					t.Fatal(n, err)
				}
				waiting := make(chan error, 2)
				go func() { _, err := l.Read(make([]byte, 1)); waiting <- err }()
				go func() { _, err := l.Write(make([]byte, 1)); waiting <- err }()
				synctest.Wait()
				if cut {
					_ = l.SetLinger(0)
				}
				atOnce(t, "Close", func() { b.must(l.Close()) })
				for range 2 {
					atOnce(t, "a call that waited", func() {
						if err := <-waiting; err != net.ErrClosed {
							t.Errorf("ended with %v", err)
						}
					})
				}
				begin := time.Now()
				b.awaitNothingLent()
				if took := time.Since(begin); cut && took > time.Millisecond || took > lingerTimeout+time.Millisecond {
					t.Errorf("the bytes were given back after %v", took)
				}
				if err := l.Close(); err != net.ErrClosed {
					t.Errorf("closed twice: %v", err)
				}
				if _, err := l.WriteNow([]byte("x")); err == nil {
					t.Error("written after Close")
				}
				if _, err := l.Regain(); err != net.ErrClosed {
					t.Errorf("regained with %v", err)
				}
			})
		})
	}
}

// Whoever cuts a connection for its memory has the memory, though the write that the cut ends goes on for a moment.
func TestCut_GivesBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		o := &odd{Conn: near}
		o.write = func(b []byte) (int, error) {
			n, err := near.Write(b)
			time.Sleep(time.Second)
			return n, err
		}
		b := benchOver(t, nil, o, far)
		ended := b.ending()
		b.must(b.poll.Add(b.Number(), poller.Read, 7))
		b.sendBurst("")
		b.fill()
		if n, _ := b.pool.Lent(); n != 3 {
			t.Errorf("%d buffers are lent before", n)
		}
		b.must(b.Cut(0))
		if n, bytes := b.pool.Lent(); n != 0 || bytes != 0 {
			t.Errorf("%d buffers are lent, %d bytes", n, bytes)
		}
		<-ended
	})
}
