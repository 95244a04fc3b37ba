package session

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/transport"
)

// holding is a wire that takes all it is given and holds back what does not fit, as TLS
// does, and that may have read more than it was asked for.
type holding struct {
	*wire
	kept   []byte
	unread bool
	answer []byte // what the next read has it send
}

func (h *holding) flush() {
	n, _ := h.wire.Write([][]byte{h.kept})
	h.kept = h.kept[n:]
}

func (h *holding) Write(bufs [][]byte) (n int, err error) {
	if h.flush(); len(h.kept) > 0 {
		return 0, transport.ErrWouldBlock
	}
	for _, b := range bufs {
		h.kept = append(h.kept, b...)
		n += len(b)
	}
	if h.flush(); len(h.kept) > 0 {
		return n, transport.ErrWouldBlock
	}
	return n, nil
}

func (h *holding) Read(b []byte) (int, error) {
	n, err := h.wire.Read(b)
	if h.answer != nil {
		h.kept, h.answer = append(h.kept, h.answer...), nil
		if h.flush(); len(h.kept) > 0 {
			return n, transport.ErrHeld
		}
	}
	return n, err
}

func (h *holding) CloseWrite() error {
	h.kept = append(h.kept, "bye"...)
	if h.flush(); len(h.kept) > 0 {
		return transport.ErrWouldBlock
	}
	return h.wire.CloseWrite()
}

func (h *holding) Held() int    { return len(h.kept) }
func (h *holding) Unread() bool { return h.unread }

// holdingRig is a rig with an open connection over such a wire.
func holdingRig(t *testing.T, cfg Config) (*rig, *holding) {
	r := newRig(t, cfg)
	h := &holding{wire: r.wire}
	r.c.transport = h
	r.d.Open(Opening{Response: []byte("HTTP/1.1 101\r\n\r\n")})
	r.wire.out.Reset()
	return r, h
}

// What was taken and held back is pending, and the loop waits for room for it.
func TestHolder_HeldBytesArePending(t *testing.T) {
	drained := 0
	r, h := holdingRig(t, Config{Handlers: Handlers{Drained: func(*Conn) { drained++ }}})
	r.wire.room = 10
	if err := r.c.SendText(strings.Repeat("x", 100)); err != nil {
		t.Fatal(err)
	}
	r.turn()
	if n := r.c.Pending(); n != len(h.kept) || n != 92 || !r.write {
		t.Errorf("%d bytes pending, %d held back, room is awaited: %v", n, len(h.kept), r.write)
	}
	r.drain(-1)
	if n := r.c.Pending(); n != 0 || r.write || drained != 1 {
		t.Errorf("%d bytes pending, room is awaited: %v, drained %d times", n, r.write, drained)
	}
	if out := r.wire.output(); len(out) != 102 {
		t.Errorf("%d bytes were sent", len(out))
	}
}

// What has left the queue, but not the transport, counts as taken by nobody.
func TestHolder_HeldBytesStall(t *testing.T) {
	r, _ := holdingRig(t, Config{WriteTimeout: time.Second, IdleTimeout: -1})
	r.wire.room = 0
	if err := r.c.SendText("hello"); err != nil {
		t.Fatal(err)
	}
	r.turn()
	r.advance(3 * time.Second)
	if r.closed != 1 {
		t.Fatal("the connection is not cut")
	}
	if info := r.info(); info.Err != ErrWriteStalled || info.Unsent != 7 {
		t.Errorf("ended with %+v", info)
	}
}

// A peer that takes what is held back, little by little, takes something.
func TestHolder_TakingHeldBytesIsNoStall(t *testing.T) {
	r, h := holdingRig(t, Config{WriteTimeout: time.Second, IdleTimeout: -1})
	r.wire.room = 0
	if err := r.c.SendText("hello, hello"); err != nil {
		t.Fatal(err)
	}
	r.turn()
	for len(h.kept) > 1 {
		r.advance(700 * time.Millisecond)
		r.wire.room = 1
		r.d.Writable()
		if r.closed > 0 {
			t.Fatalf("cut with %d bytes held back: %v", len(h.kept), r.info())
		}
	}
}

// What a read has the transport say is sent, although no frame is.
func TestHolder_AnswersOfItsOwnAreSent(t *testing.T) {
	r, h := holdingRig(t, Config{})
	r.wire.room = 0
	h.answer = []byte("key update")
	r.d.Readable()
	if !r.write {
		t.Fatal("room is not awaited")
	}
	r.drain(-1)
	if out := r.wire.output(); out != "key update" || r.write {
		t.Errorf("sent %q, room is awaited: %v", out, r.write)
	}
}

// The end of the sending direction waits behind what is held back.
func TestHolder_CloseWriteMayHaveToWait(t *testing.T) {
	r, h := holdingRig(t, Config{})
	r.wire.in = []byte{0x83, 0x80, 0, 0, 0, 0} // RFC 6455 5.2: a reserved opcode
	r.wire.room = 0
	r.d.Readable()
	if h.halfDone || !r.write {
		t.Fatalf("ended before the Close frame has left: %v, room is awaited: %v", h.halfDone, r.write)
	}
	r.wire.room = len(h.kept) // the Close frame, and not what follows it
	r.d.Writable()
	if h.halfDone || string(h.kept) != "bye" || !r.write {
		t.Fatalf("holds %q, room is awaited: %v", h.kept, r.write)
	}
	r.drain(-1)
	if out := r.wire.output(); !strings.HasSuffix(out, "bye") || r.write {
		t.Errorf("sent %q, room is awaited: %v", out, r.write)
	}
}

// What the transport has at hand is read although nothing arrives, in the next turn; and
// not while the connection is held.
func TestHolder_IsReadFromWithoutReadiness(t *testing.T) {
	var got []string
	r, h := holdingRig(t, Config{Handlers: Handlers{Message: func(_ *Conn, m Message) { got = append(got, m.String()) }}})
	filler := peer(frame.Binary, true, strings.Repeat("x", ReadSize-14)) // with its header a read's worth
	h.unread = true
	r.wire.in = append(filler, peer(frame.Text, true, "at hand")...)
	r.d.Readable()
	if len(got) != 1 {
		t.Fatalf("%d messages in the first turn", len(got))
	}
	h.unread = false // after that there is nothing
	r.turn()
	if len(got) != 2 || got[1] != "at hand" {
		t.Errorf("%d messages in all", len(got))
	}
}

// RFC 8446 6.1: close_notify may come with the last bytes. What of these must wait is
// taken in first, and waiting for that costs the loop nothing.
func TestHolder_EndBehindWhatHasToWait(t *testing.T) {
	gate := make(chan bool)
	var mu sync.Mutex
	var got []string
	r, h := holdingRig(t, Config{Dispatch: OnGoroutines, QueueMessages: 2, Handlers: Handlers{Message: func(_ *Conn, m Message) {
		<-gate
		mu.Lock()
		defer mu.Unlock()
		got = append(got, m.String())
	}}})
	r.eventually("the Open callback's end", func() bool { return !r.c.held() && r.read })
	h.inErr, h.inErrAtOnce, h.unread = io.EOF, true, true
	for i := range 9 {
		r.wire.in = append(r.wire.in, text(fmt.Sprint(i))...)
	}
	r.wire.in = append(r.wire.in, peerClose(frame.NormalClosure, "done")...)
	r.d.Readable()
	if r.read || r.d.rx == nil || r.d.rx.stash == nil {
		t.Fatal("nothing has to wait")
	}
	close(gate)
	info := r.info()
	expect(t, "messages", strings.Join(got, " "), "0 1 2 3 4 5 6 7 8")
	expectInfo(t, info, CloseInfo{By: Peer, Sent: frame.NormalClosure, Received: frame.NormalClosure, Reason: "done"})
}

// A read may leave something at hand and have the transport hold an answer back, both.
func TestHolder_IsReadFromThoughItHoldsAnAnswerBack(t *testing.T) {
	var got []string
	r, h := holdingRig(t, Config{Handlers: Handlers{Message: func(_ *Conn, m Message) { got = append(got, m.String()) }}})
	r.wire.room = 0
	h.unread, h.answer = true, []byte("key update")
	r.wire.in = append(peer(frame.Binary, true, strings.Repeat("x", ReadSize-14)), text("at hand")...)
	r.d.Readable()
	h.unread = false // after that there is nothing
	r.turn()
	if len(got) != 2 || got[1] != "at hand" {
		t.Errorf("%d messages in all", len(got))
	}
}

func TestHolder_TruncationIsAnUnexpectedEnd(t *testing.T) {
	r, _ := holdingRig(t, Config{})
	r.wire.inErr = ErrTruncated
	r.d.Readable()
	if info := r.info(); info.Err != ErrTruncated || info.By != Nobody || causes[causeOf(info.Err)].Cause != EOF {
		t.Errorf("ended with %+v", info)
	}
}
