package session

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/framerail/framerail/frame"
)

func TestWriterSendsFragments(t *testing.T) {
	r := openRig(t, Config{})
	w, err := r.c.NewWriter(Text)
	expect(t, "NewWriter", err, nil)
	_, _ = w.WriteString("a")
	_, _ = io.WriteString(w, "b")
	expect(t, "Flush", w.Flush(), nil)
	expect(t, "Flush of nothing", w.Flush(), nil)
	_, _ = w.Write([]byte("c"))
	expect(t, "Close", w.Close(), nil)
	r.turn()
	want := []sentFrame{{Text, false, "ab"}, {frame.Continuation, true, "c"}}
	got := r.sent()
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("sent %v", got)
	}
	n, err := w.Write([]byte("x"))
	expect(t, "bytes written after Close", n, 0)
	expect(t, "Write after Close", err, ErrWriterClosed)
	expect(t, "Flush after Close", w.Flush(), ErrWriterClosed)
	expect(t, "Close after Close", w.Close(), ErrWriterClosed)
	_, err = w.ReadFrom(strings.NewReader("x"))
	expect(t, "ReadFrom after Close", err, ErrWriterClosed)
}

func TestWriterGathersShortWrites(t *testing.T) {
	r := openRig(t, Config{})
	w, _ := r.c.NewWriter(Binary)
	want := ""
	for i := range 3 * WriterSize {
		_, _ = w.Write([]byte{byte(i)})
		want += string([]byte{byte(i)})
	}
	_ = w.Close()
	r.turn()
	got := r.sent()
	expect(t, "fragments", len(got), 4)
	if strings.Join(messagesOf(got), "") != want+"\n" {
		t.Error("message altered")
	}
}

func TestEmptyWriterSendsAnEmptyMessage(t *testing.T) {
	r := openRig(t, Config{})
	w, _ := r.c.NewWriter(Text)
	_ = w.Close()
	r.turn()
	if got := r.sent(); len(got) != 1 || got[0] != (sentFrame{Text, true, ""}) {
		t.Errorf("sent %v", got)
	}
}

// RFC 6455 5.4: fragments of two messages are not mixed; control frames pass.
func TestMessagesWaitForTheWriterAndControlFramesDoNot(t *testing.T) {
	for _, blocked := range []bool{false, true} {
		r := openRig(t, Config{})
		if blocked {
			r.drain(0)
		}
		w, _ := r.c.NewWriter(Text)
		_, _ = w.WriteString("a")
		_ = w.Flush()
		_ = r.c.SendText("1")
		_ = r.c.SendText("2")
		_ = r.c.Ping([]byte("p"))
		if _, err := r.c.NewWriter(Text); err != ErrWriterOpen {
			t.Errorf("second writer: %v", err)
		}
		_, _ = w.WriteString("b")
		_ = w.Close()
		_ = r.c.SendText("3")
		r.turn()
		r.drain(-1)
		want := []sentFrame{{Text, false, "a"}, {frame.Ping, true, "p"}, {frame.Continuation, true, "b"},
			{Text, true, "1"}, {Text, true, "2"}, {Text, true, "3"}}
		got := r.sent()
		expect(t, "frames", len(got), len(want))
		for i := range min(len(got), len(want)) {
			expect(t, "frame", got[i], want[i])
		}
		w, err := r.c.NewWriter(Binary)
		expect(t, "next writer", err, nil)
		_ = w.Close()
	}
}

func TestWriterCanBeTriedAgainOnceDrained(t *testing.T) {
	r := openRig(t, Config{MaxPending: 100})
	r.drain(0)
	want := strings.Repeat("0123456789", 100)
	w, _ := r.c.NewWriter(Text)
	for rest := want; rest != ""; {
		n, err := w.WriteString(rest)
		rest = rest[n:]
		if err != nil && err != ErrPendingFull || err == nil && rest != "" {
			t.Fatalf("took %d, %v", n, err)
		}
		r.drain(60)
	}
	for w.Close() == ErrPendingFull {
		r.drain(60)
	}
	r.drain(-1)
	if got := messagesOf(r.sent()); len(got) != 1 || got[0] != want+"\n" {
		t.Errorf("received %q", got)
	}
}

// Whatever waits behind its message, a Writer can go on: it could else never end.
func TestWriterGoesOnWhateverWaitsBehindIt(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowRefuse})
	w, _ := r.c.NewWriter(Text)
	n := 0
	for r.c.SendText(strings.Repeat("x", 90)) == nil {
		n++
	}
	if n != 5 {
		t.Errorf("%d messages may wait behind a writer", n)
	}
	done := make(chan error, 1)
	go func() {
		_, err := w.ReadFrom(strings.NewReader(strings.Repeat("y", 10_000)))
		if err == nil {
			err = w.Close()
		}
		done <- err
	}()
	r.eventually("the writer's end", func() bool { return len(done) == 1 })
	expect(t, "error", <-done, nil)
	r.turn()
	expect(t, "messages", len(messagesOf(r.sent())), 1+n)
}

// ReadFrom waits for room for what was gathered before it, too.
func TestReadFromWaitsForWhatWasGathered(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000})
	r.drain(0)
	w, _ := r.c.NewWriter(Text)
	full := strings.Repeat("x", 250)
	for range 3 {
		_, err := w.WriteString(full)
		expect(t, "Write", err, nil)
	}
	_, err := w.WriteString(full[:240])
	expect(t, "Write", err, nil)
	expect(t, "Flush", w.Flush(), ErrPendingFull)
	done := make(chan error, 1)
	go func() {
		_, err := w.ReadFrom(strings.NewReader("and the rest"))
		if err == nil {
			err = w.Close()
		}
		done <- err
	}()
	r.eventually("waiting", func() bool {
		r.c.mu.Lock()
		defer r.c.mu.Unlock()
		return r.c.tx.writer.waiting
	})
	r.drain(-1)
	r.eventually("its end", func() bool { return len(done) > 0 })
	expect(t, "error", <-done, nil)
	r.turn()
	if got := messagesOf(r.sent()); len(got) != 1 || got[0] != full+full+full+full[:240]+"and the rest\n" {
		t.Errorf("received %q", got)
	}
}

func TestReadFromForwardsInBoundedMemory(t *testing.T) {
	const size = 3 << 20
	want := bytes.Repeat([]byte("framerail"), size/9)
	r := openRig(t, Config{MaxPending: 64 << 10})
	r.drain(0)
	w, _ := r.c.NewWriter(Binary)
	type result struct {
		n   int64
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := io.Copy(w, iotest.HalfReader(bytes.NewReader(want)))
		_ = w.Close()
		done <- result{n, err}
	}()
	var got []byte
	most := 0
	for len(done) == 0 || r.c.Pending() > 0 {
		most = max(most, r.c.Pending())
		select {
		case d := <-r.scheduled:
			d.Attend()
		default:
			runtime.Gosched()
		}
		r.drain(10_000)
		got = append(got, r.wire.take()...)
	}
	if res := <-done; res.n != int64(len(want)) || res.err != nil {
		t.Errorf("copied %d bytes, %v", res.n, res.err)
	}
	if most > 64<<10 {
		t.Errorf("%d bytes were pending", most)
	}
	r.wire.out.Write(got)
	if got := messagesOf(r.sent()); len(got) != 1 || got[0] != string(want)+"\n" {
		t.Error("message altered")
	}
}

func TestReadFromGivesUpWhenTheConnectionCloses(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"close": func(r *rig) { _ = r.c.Close(frame.NormalClosure, "") },
		"peer":  func(r *rig) { r.receive(peerClose(frame.NormalClosure, "")) },
		"abort": func(r *rig) { r.d.Abort(nil) },
		"eof":   func(r *rig) { r.end(io.EOF) },
	} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{MaxPending: 1 << 20})
			r.drain(0)
			w, _ := r.c.NewWriter(Binary)
			done := make(chan error, 1)
			go func() {
				_, err := w.ReadFrom(endless{})
				done <- err
			}()
			r.eventually("waiting", func() bool {
				r.c.mu.Lock()
				defer r.c.mu.Unlock()
				return r.c.tx != nil && r.c.tx.writer.waiting
			})
			if !r.read {
				t.Error("the peer is not read because of what the writer waits for")
			}
			end(r)
			r.turn()
			// No time passes: neither the close timeout nor the peer is waited for.
			expect(t, "error", <-done, ErrClosed)
			expect(t, "Close", w.Close(), ErrClosed)
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestReadFromReturnsTheReadersError(t *testing.T) {
	r := openRig(t, Config{})
	w, _ := r.c.NewWriter(Text)
	cause := errors.New("source broke")
	n, err := w.ReadFrom(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(cause)))
	expect(t, "bytes", n, 3)
	expect(t, "error", err, cause)
	_ = w.Close()
}

// A Writer used by two goroutines is a misuse, but none of them waits for ever.
func TestReadFromEndsIfTheWriterIsClosedMeanwhile(t *testing.T) {
	r := openRig(t, Config{MaxPending: 64 << 10})
	r.drain(0)
	w, _ := r.c.NewWriter(Binary)
	done := make(chan error, 1)
	go func() {
		_, err := w.ReadFrom(endless{})
		done <- err
	}()
	r.eventually("waiting", func() bool {
		r.c.mu.Lock()
		defer r.c.mu.Unlock()
		return r.c.tx.writer.waiting
	})
	expect(t, "Close", w.Close(), nil)
	r.drain(-1)
	expect(t, "error", <-done, ErrWriterClosed)
	_ = r.c.SendText("x")
	r.turn()
}

func TestWritersBufferGoesBackWithTheConnection(t *testing.T) {
	r := openRig(t, Config{})
	w, _ := r.c.NewWriter(Text)
	_, _ = w.WriteString("gathered")
	if n, _ := r.loop.Lent(); n != 1 {
		t.Errorf("%d buffers lent", n)
	}
	r.d.Abort(nil)
	if n, _ := r.loop.Lent(); n != 0 {
		t.Errorf("%d buffers lent after the end", n)
	}
	_, err := w.WriteString("late")
	expect(t, "Write", err, ErrClosed)
}

// A message is echoed while it arrives, larger than all the memory it may take,
// while others send to the same peer.
func TestStreamIsForwardedWhileItArrives(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		const size = 2 << 20
		r := openRig(t, Config{Dispatch: dispatch, MaxMessageSize: size, MaxPending: 100_000, Handlers: Handlers{
			Stream: func(c *Conn, m *Reader) {
				w, err := c.NewWriter(m.Type())
				if err == nil {
					_, err = io.Copy(w, m)
				}
				if err == nil {
					err = w.Close()
				}
				if err != nil {
					t.Error(err)
				}
			},
		}})
		want := strings.Repeat("0123456789abcdef", size/16)
		r.wire.in = peer(frame.Binary, true, want)
		var got []byte
		behind := 0
		r.eventually("the echo", func() bool {
			r.drain(30_000)
			got = append(got, r.wire.take()...)
			if len(got) > 0 && len(got) < size && r.c.SendText("behind") == nil {
				behind++
			}
			if _, n := r.loop.Lent(); n > 600_000 {
				t.Fatalf("%d bytes lent", n)
			}
			return len(got) >= size && r.c.Pending() == 0
		})
		r.wire.out.Write(got)
		messages := messagesOf(r.sent())
		if len(messages) != 1+behind || messages[0] != want+"\n" {
			t.Errorf("%d messages, %d sent behind", len(messages), behind)
		}
	})
}
