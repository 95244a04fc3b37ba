package session

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/framerail/framerail/frame"
)

func TestReaderReadsWhileTheMessageArrives(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		got := make(chan string)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
			got <- m.Type().String()
			p := make([]byte, 3)
			for {
				n, err := m.Read(p)
				if err != nil {
					got <- err.Error()
					return
				}
				got <- string(p[:n])
			}
		}}})
		whole := peer(frame.Text, false, "abcd")
		r.receive(whole[:len(whole)-1]) // in the middle of a frame
		expect(t, "type", <-got, frame.Text.String())
		expect(t, "first", <-got, "abc")
		r.receive(whole[len(whole)-1:])
		expect(t, "second", <-got, "d")
		r.receive(peer(frame.Continuation, false, ""))
		r.receive(peer(frame.Continuation, true, "é"))
		expect(t, "third", <-got, "é")
		expect(t, "end", <-got, io.EOF.Error())
		r.receive(peer(frame.Binary, true, ""))
		expect(t, "type", <-got, frame.Binary.String())
		expect(t, "end", <-got, io.EOF.Error())
	})
}

func TestReadAll(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		long := strings.Repeat("0123456789", 20_000)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
			if n, err := m.Read(nil); n != 0 || err != nil {
				t.Errorf("read of nothing: %d %v", n, err)
			}
			var s string
			var err error
			if m.Type() == Text {
				s, err = m.ReadString()
			} else {
				var b []byte
				b, err = m.ReadAll()
				s = string(b)
			}
			if err != nil || s != long {
				t.Errorf("%v of %d bytes: %v", m.Type(), len(s), err)
			}
			if n, err := m.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("read behind the end: %d %v", n, err)
			}
			_ = c.SendText("done")
		}}})
		r.receive(text(long))
		r.receive(peer(frame.Binary, false, long[:1]))
		r.receive(peer(frame.Continuation, true, long[1:]))
		r.eventually("both messages", func() bool { return len(r.wire.output()) == 2*len("\x81\x04done") })
	})
}

// cuts are all the ways in which a message can be cut, and what the reader is told.
var cuts = map[string]struct {
	cut func(r *rig)
	err error
}{
	"peer_close":  {func(r *rig) { r.receive(peerClose(frame.GoingAway, "")) }, ErrMessageCut},
	"eof":         {func(r *rig) { r.end(io.EOF) }, ErrUnexpectedEOF},
	"reset":       {func(r *rig) { r.end(syscall.ECONNRESET) }, syscall.ECONNRESET},
	"protocol":    {func(r *rig) { r.receive(text("new")) }, errExpectedContinuation},
	"bad_utf8":    {func(r *rig) { r.receive(peer(frame.Continuation, false, "\xff")) }, frame.ErrInvalidUTF8},
	"too_big":     {func(r *rig) { r.receive([]byte{0, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}) }, frame.ErrMessageTooBig},
	"local_close": {func(r *rig) { _ = r.c.Close(frame.NormalClosure, "") }, ErrClosed},
	"abort":       {func(r *rig) { r.d.Abort(nil) }, ErrAborted},
	"abort_conn":  {func(r *rig) { r.c.Abort(); r.turn() }, ErrAborted},
	"idle":        {func(r *rig) { r.advance(DefaultIdleTimeout) }, ErrIdle},
	"write_error": {func(r *rig) { r.wire.outErr = syscall.EPIPE; _ = r.c.SendText("x") }, syscall.EPIPE},
}

func TestReaderOfACutMessageFails(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for name, cut := range cuts {
			for _, full := range []bool{false, true} {
				// The cut finds the reader waiting, or not reading and the inbox full.
				if full && name == "idle" {
					continue // a peer that is not read from is not silent
				}
				t.Run(name, func(t *testing.T) {
					events := make(chan string, 10)
					begun, more := make(chan bool, 1), make(chan bool, 1)
					r := openRig(t, Config{Dispatch: dispatch, QueueBytes: 10, Handlers: Handlers{
						Stream: func(c *Conn, m *Reader) {
							p := make([]byte, 5)
							_, _ = io.ReadFull(m, p)
							begun <- true
							<-more
							b, err := m.ReadAll()
							if full && !strings.HasPrefix(string(b), "queued") {
								t.Errorf("read %q before the end", b)
							}
							if !errors.Is(err, cut.err) || err == nil {
								t.Errorf("got %v, want %v", err, cut.err)
							}
							if _, again := m.Read(p); again != err {
								t.Errorf("got %v at the next read", again)
							}
							events <- "stream"
						},
						Close: func(*Conn, CloseInfo) { events <- "close" },
					}})
					r.receive(peer(frame.Text, false, "begin"))
					<-begun
					if full {
						r.receive(peer(frame.Continuation, false, "queued and more"))
					} else {
						more <- true
						for range 10 {
							runtime.Gosched() // mostly the reader waits then
						}
					}
					cut.cut(r)
					r.turn()
					if full {
						more <- true
					}
					r.eventually("the stream callback's end", func() bool { return len(events) > 0 })
					expect(t, "event", <-events, "stream")
					if r.closed == 0 {
						r.end(io.EOF)
					}
					r.eventually("the close callback", func() bool { return len(events) > 0 })
					expect(t, "event", <-events, "close")
				})
			}
		}
	})
}

func TestReaderAfterCloseFromItsOwnCallback(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		got := make(chan error, 1)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
			_ = c.Close(frame.NormalClosure, "")
			_, err := m.ReadAll()
			got <- err
		}}})
		r.receive(peer(frame.Text, false, "begun"))
		r.eventually("the reader's end", func() bool { return len(got) == 1 })
		expect(t, "error", <-got, ErrClosed)
		r.receive(peerClose(frame.NormalClosure, ""))
		expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.NormalClosure, Received: frame.NormalClosure})
	})
}

func TestWhatAStreamCallbackLeavesUnreadIsDropped(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		first := make(chan string, 2)
		r := openRig(t, Config{Dispatch: dispatch, MaxMessageSize: 1 << 20, Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
			p := make([]byte, 5)
			_, _ = io.ReadFull(m, p)
			first <- string(p)
		}}})
		r.receive(peer(frame.Binary, false, "one.."+strings.Repeat("x", 1000)))
		r.eventually("the first message", func() bool { return len(first) == 1 })
		for range 10 {
			r.receive(peer(frame.Continuation, false, strings.Repeat("x", 60_000)))
			r.turn()
		}
		r.receive(peer(frame.Continuation, true, "x"))
		r.receive(text("two.."))
		r.eventually("the second message", func() bool { return len(first) == 2 })
		expect(t, "first", <-first, "one..")
		expect(t, "second", <-first, "two..")
		r.eventually("all given back", func() bool { n, _ := r.loop.Lent(); return n == 0 })
	})
}

func TestUnreadStreamStopsTheSocketFromBeingRead(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		gate := make(chan bool)
		sum := make(chan int, 1)
		const size = 4 << 20
		r := openRig(t, Config{Dispatch: dispatch, MaxMessageSize: size, Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
			<-gate
			b, _ := m.ReadAll()
			sum <- bytes.Count(b, []byte("x"))
		}}})
		r.receive(peer(frame.Binary, true, strings.Repeat("x", size)))
		for range 100 {
			r.poll()
			r.turn()
		}
		if _, n := r.loop.Lent(); n > 4*DefaultQueueBytes {
			t.Errorf("%d bytes held for a message that is not read", n)
		}
		expect(t, "read interest", r.read, false)
		close(gate)
		r.eventually("the message", func() bool { return len(sum) == 1 })
		expect(t, "bytes", <-sum, size)
	})
}

func TestUnreadStreamThatDripsTakesLittle(t *testing.T) {
	gate := make(chan bool)
	r := openRig(t, Config{Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
		<-gate
		b, err := m.ReadAll()
		if len(b) != 3000 || err != nil {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		_ = c.SendText("")
	}}})
	r.receive(peer(frame.Text, false, "x"))
	for range 2999 {
		r.receive(peer(frame.Continuation, false, "x"))
	}
	if n, size := r.loop.Lent(); size > 3000+3*512 {
		t.Errorf("%d buffers of %d bytes in all for 3000 bytes", n, size)
	}
	r.receive(peer(frame.Continuation, true, ""))
	close(gate)
	r.eventually("the message", func() bool { return r.wire.output() != "" })
}

// Ping and pong callbacks neither overtake a message in pieces nor wait for its end.
func TestControlCallbacksRunInsideRead(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		events := make(chan string, 10)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
			Stream: func(c *Conn, m *Reader) { s, _ := m.ReadString(); events <- s },
			Ping:   func(_ *Conn, p []byte) { events <- "ping " + string(p) },
			Pong:   func(_ *Conn, p []byte) { events <- "pong " + string(p) },
		}})
		r.receive(peer(frame.Text, false, "a"))
		r.receive(peer(frame.Ping, true, "1"))
		r.receive(peer(frame.Pong, true, "2"))
		r.eventually("the control callbacks", func() bool { return len(events) == 2 })
		r.receive(peer(frame.Continuation, true, "b"))
		r.eventually("the message", func() bool { return len(events) == 3 })
		for _, want := range []string{"ping 1", "pong 2", "ab"} {
			expect(t, "event", <-events, want)
		}
	})
}

func TestPingIsAnsweredWhileAStreamIsNotRead(t *testing.T) {
	gate := make(chan bool)
	r := openRig(t, Config{Handlers: Handlers{Stream: func(*Conn, *Reader) { <-gate }}})
	r.receive(peer(frame.Text, false, "a"))
	r.receive(peer(frame.Ping, true, "p"))
	if got := r.sent(); len(got) != 1 || got[0] != (sentFrame{frame.Pong, true, "p"}) {
		t.Errorf("sent %v", got)
	}
	close(gate)
}

func TestReaderIsOfNoUseAfterItsCallback(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		kept := make(chan *Reader, 1)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Stream: func(c *Conn, m *Reader) { kept <- m }}})
		r.receive(peer(frame.Text, false, "unread"))
		r.eventually("the callback's end", func() bool { return len(kept) == 1 && !r.c.queued() })
		n, err := (<-kept).Read(make([]byte, 10))
		expect(t, "bytes", n, 0)
		expect(t, "error", err, ErrReaderDone)
	})
}

func TestReaderThatAnotherGoroutineKeptWaitingEnds(t *testing.T) {
	got := make(chan error, 1)
	waiting := make(chan bool)
	r := openRig(t, Config{Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
		_, _ = io.ReadFull(m, make([]byte, 1))
		go func() {
			close(waiting)
			_, err := m.ReadAll()
			got <- err
		}()
		<-waiting
		for range 100 {
			runtime.Gosched()
		}
	}}})
	if allocates {
		return // a misuse that is a race; it must end, no more
	}
	r.receive(peer(frame.Text, false, "a"))
	r.eventually("the reader's end", func() bool { return len(got) == 1 })
	expect(t, "error", <-got, ErrReaderDone)
}

func TestStreamAndMessageInTurns(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		events := make(chan string, 10)
		var toMessage, toStream func(c *Conn)
		toMessage = func(c *Conn) {
			c.OnStream(nil)
			c.OnMessage(func(c *Conn, m Message) { events <- "message " + m.String(); toStream(c) })
		}
		toStream = func(c *Conn) {
			c.OnMessage(nil)
			c.OnStream(func(c *Conn, m *Reader) { s, _ := m.ReadString(); events <- "stream " + s; toMessage(c) })
		}
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Open: func(c *Conn) { toStream(c) }}})
		for i, want := range []string{"stream ab", "message ab", "stream ab", "message ab"} {
			r.receive(peer(frame.Text, false, "a"))
			r.receive(peer(frame.Continuation, true, "b"))
			r.eventually("an event", func() bool { return len(events) == 1 && !r.c.queued() })
			expect(t, "event "+string(rune('0'+i)), <-events, want)
		}
		// All at once: by which callback each comes is open, but none is lost.
		var in []byte
		for _, s := range []string{"1", "2", "3", "4", "5"} {
			in = append(in, text(s)...)
		}
		r.receive(in)
		r.eventually("five more events", func() bool { return len(events) == 5 })
		for _, s := range []string{"1", "2", "3", "4", "5"} {
			if got := <-events; !strings.HasSuffix(got, " "+s) {
				t.Errorf("got %q, want %s", got, s)
			}
		}
	})
}

func TestOnStreamInTheMiddleOfAMessage(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		got := make(chan string, 1)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Ping: func(c *Conn, _ []byte) {
			c.OnStream(func(_ *Conn, m *Reader) { s, _ := m.ReadString(); got <- s })
		}}})
		r.receive(peer(frame.Text, false, "a"))
		r.receive(peer(frame.Ping, true, ""))
		r.receive(peer(frame.Continuation, true, "b"))
		r.eventually("the message", func() bool { return len(got) == 1 })
		expect(t, "message", <-got, "ab")
	})
}

func TestMessageForWhichNoCallbackIsLeft(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		gate := make(chan bool)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Stream: func(c *Conn, _ *Reader) {
			<-gate
			c.OnStream(nil)
		}}})
		in := append(text("first"), peer(frame.Binary, false, "second")...)
		r.receive(append(in, peer(frame.Continuation, true, strings.Repeat("x", 2000))...))
		close(gate)
		r.eventually("rest", func() bool { n, _ := r.loop.Lent(); return n == 0 && !r.c.queued() })
		expect(t, "state", r.c.State(), Open)
	})
}
