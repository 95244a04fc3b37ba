package conn

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

// A header that claims much takes no more memory than one that claims little.
func TestClaimedLengthTakesNoMemory(t *testing.T) {
	claim := func(n uint64) []byte {
		b := binary.BigEndian.AppendUint64([]byte{0x82, 0xFF}, n)
		return append(b, 1, 2, 3, 4)
	}
	for _, n := range []uint64{1 << 20, 32 << 20} {
		r := openRig(t, Config{MaxMessageSize: 32 << 20})
		r.receive(claim(n))
		if _, size := r.loop.Lent(); size > 0 {
			t.Errorf("%d claimed: %d bytes lent", n, size)
		}
		for sent := 0; sent < 500_000; sent += 10_000 {
			r.receive(make([]byte, 10_000))
			if _, size := r.loop.Lent(); size > 2*int64(sent+10_000)+4096 {
				t.Fatalf("%d bytes received: %d lent", sent+10_000, size)
			}
		}
	}
	for _, n := range []uint64{32<<20 + 1, 1 << 31, 1<<63 - 1} {
		r := openRig(t, Config{MaxMessageSize: 32 << 20})
		r.receive(claim(n))
		r.expectClose(frame.MessageTooBig, frame.ErrMessageTooBig.Rule)
	}
}

func TestFragmentFloodIsEnded(t *testing.T) {
	for name, piece := range map[string]string{"empty": "", "one byte": "x"} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{MaxMessageSize: 10_000, MaxFragments: 5000})
			r.receive(peer(frame.Text, false, piece))
			flood := []byte(strings.Repeat(string(peer(frame.Continuation, false, piece)), 1000))
			for i := 0; r.c.State() == Open; i++ {
				if i > 5 {
					t.Fatal("not ended")
				}
				r.receive(flood)
				if _, size := r.loop.Lent(); size > 20_000 {
					t.Fatalf("%d bytes lent", size)
				}
			}
			r.expectClose(frame.PolicyViolation, frame.ErrTooManyFragments.Rule)
		})
	}
}

// A ping flood whose answers are not read is taken in in bounded memory.
func TestPingFloodUnread(t *testing.T) {
	n := 1_000_000
	if raceEnabled {
		n = 50_000
	}
	r := openRig(t, Config{})
	r.drain(0)
	flood := []byte(strings.Repeat(string(peer(frame.Ping, true, "0123456789")), 1000))
	for range n / 1000 {
		r.receive(append([]byte(nil), flood...))
		if p := r.c.Pending(); p > controlReserve+12*1000 {
			t.Fatalf("%d bytes pending", p)
		}
	}
	r.drain(-1)
	for _, f := range r.sent() {
		if f != (sentFrame{frame.Pong, true, "0123456789"}) {
			t.Fatalf("sent %v", f)
		}
	}
}

// FuzzConnection gives a whole connection any bytes in any pieces: it comes to its
// end, gives everything back, and sends nothing but frames.
func FuzzConnection(f *testing.F) {
	for _, in := range sessions() {
		f.Add(in, uint16(0), uint8(0))
		f.Add(in, uint16(7), uint8(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, chunk uint16, mode uint8) {
		h := Handlers{Message: func(c *Conn, m Message) { _ = c.Send(m.Type, m.Payload) }}
		if mode&1 != 0 {
			h = Handlers{Stream: func(c *Conn, m *Reader) {
				if w, err := c.NewWriter(m.Type()); err == nil {
					_, _ = io.Copy(w, m)
					_ = w.Close()
				}
			}}
		}
		r := openRig(t, Config{Dispatch: Dispatch(mode >> 1 & 1), MaxMessageSize: 5000, MaxPending: 8000, Handlers: h})
		r.wire.chunk = int(chunk)
		r.wire.in = in
		r.wire.inErr = io.EOF
		for range 2*len(in) + 10 { // faster than r.info, which is patient
			r.poll()
			r.turn()
		}
		if info := r.info(); info.Err == nil && info.By != Peer {
			t.Error(fmt.Sprint(info))
		}
		r.sent()
	})
}
