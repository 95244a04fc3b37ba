package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/transport"
)

// A long message that is at hand is read twice, to where it is handed on, and takes no memory.
func TestPlace_AMessageAtHandIsNotCopied(t *testing.T) {
	for _, size := range []int{ReadSize - 14, ReadSize, 128 << 10, 1 << 20} {
		var r *rig
		calls := 0
		r = openRig(t, Config{MaxMessageSize: 1 << 20, Handlers: Handlers{Message: func(_ *Conn, m Message) {
			calls++
			if _, lent := r.loop.Lent(); lent > 0 {
				t.Errorf("%d bytes: %d are lent", size, lent)
			}
			if len(m.Payload) != size || &m.Payload[0] != &r.loop.readBuf[14] {
				t.Errorf("%d of %d bytes, elsewhere", len(m.Payload), size)
			}
		}}})
		reads := &counted{Transport: r.wire}
		r.d.SetTransport(reads)
		r.receive(peer(frame.Binary, true, strings.Repeat("x", size)))
		expect(t, "callbacks", calls, 1)
		expect(t, "reads", reads.n, 1+min(1, size/ReadSize))
	}
}

// counted counts what is read.
type counted struct {
	transport.Transport
	n     int         // reads
	least int         // the shortest buffer of them
	most  int         // bytes
	each  func(n int) // is called before each read; nil: nothing is
}

func (c *counted) Read(b []byte) (int, error) {
	if c.n++; c.n == 1 || len(b) < c.least {
		c.least = len(b)
	}
	if c.each != nil {
		c.each(c.n)
	}
	n, err := c.Transport.Read(b)
	c.most += max(n, 0)
	return n, err
}

// The loop's other connections read into its buffer, too, while the rest of a message is on its way.
func TestPlace_OthersReadInBetween(t *testing.T) {
	for _, size := range []int{100 << 10, 200 << 10, 2 << 20} {
		for _, first := range []int{ReadSize, ReadSize + 1, ReadSize + 5000, 3 * ReadSize, longReads * ReadSize} {
			for _, fragments := range []int{1, 3} {
				t.Run(fmt.Sprintf("size=%d/first=%d/fragments=%d", size, first, fragments), func(t *testing.T) {
					var want strings.Builder
					for i := 0; want.Len() < size; i++ {
						fmt.Fprint(&want, i, " ")
					}
					got := ""
					r := openRig(t, Config{MaxMessageSize: 4 << 20, Handlers: Handlers{Message: func(_ *Conn, m Message) { got = m.String() }}})
					in := pieces(want.String(), fragments)
					for cut := first; len(in) > 0 || r.wire.unread() > 0; cut = 50_000 {
						cut = min(cut, len(in))
						r.receive(in[:cut])
						in = in[cut:]
						for all, i := r.loop.readBuf[:cap(r.loop.readBuf)], 0; i < len(all); i++ {
							all[i] = 0xff
						}
					}
					if got != want.String() {
						t.Errorf("%d bytes came, not the %d that were sent", len(got), want.Len())
					}
				})
			}
		}
	}
}

// pieces is a text in so many frames.
func pieces(s string, n int) (frames []byte) {
	for i := range n {
		op := frame.Continuation
		if i == 0 {
			op = frame.Text
		}
		frames = append(frames, peer(op, i == n-1, s[i*len(s)/n:(i+1)*len(s)/n])...)
	}
	return frames
}

// However much is at hand, a turn of a connection ends.
func TestPlace_ATurnHasItsShare(t *testing.T) {
	r := openRig(t, Config{MaxMessageSize: 64 << 20, Handlers: Handlers{Message: func(*Conn, Message) {}}})
	reads := &counted{Transport: r.wire}
	r.d.SetTransport(reads)
	r.wire.in = append(peer(frame.Binary, true, strings.Repeat("x", 16<<20)), text("next")...)
	for len(r.wire.in) > 0 {
		reads.most = 0
		r.d.Readable()
		if most := (longReads + 1) * ReadSize; reads.most == 0 || reads.most > most {
			t.Fatalf("%d bytes in a turn, at most %d", reads.most, most)
		}
	}
}

// Nor does it go on for the rest of a message that nobody gets any more.
func TestPlace_ATurnHasItsShareWhenThisSideCloses(t *testing.T) {
	r := openRig(t, Config{MaxMessageSize: 64 << 20, Handlers: Handlers{Message: func(*Conn, Message) {}}})
	reads := &counted{Transport: r.wire, each: func(n int) {
		if n == 2 {
			expect(t, "Close", r.c.Close(frame.NormalClosure, ""), nil)
		}
	}}
	r.d.SetTransport(reads)
	r.wire.in = peer(frame.Binary, true, strings.Repeat("x", 16<<20))
	r.d.Readable()
	if most := (longReads + 1) * ReadSize; reads.most > most {
		t.Errorf("%d bytes in a turn, at most %d", reads.most, most)
	}
	if r.d.rx.msg != nil {
		t.Error("the message is kept")
	}
}

// A long message that comes as the network has it is not asked for in crumbs.
func TestPlace_ReadsAreNotShort(t *testing.T) {
	r := openRig(t, Config{MaxMessageSize: 64 << 20, Handlers: Handlers{Message: func(*Conn, Message) {}}})
	reads := &counted{Transport: r.wire}
	r.d.SetTransport(reads)
	in := peer(frame.Binary, true, strings.Repeat("x", 1<<20))
	for i := 0; len(in) > directRead; i++ {
		n := min(100+i*977%30_000, len(in)-directRead)
		r.receive(in[:n])
		in = in[n:]
	}
	if reads.least < directRead {
		t.Errorf("a read of %d bytes", reads.least)
	}
}
