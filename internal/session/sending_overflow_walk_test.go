package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
	"github.com/framerail/framerail/mask"
)

// Whatever is dropped, every message that was accepted arrives whole, in order and
// once, or is counted: sends of all kinds under policies that drop, at random, to a
// transport that takes random amounts.
func TestMessagesArriveInOrderOrAreCounted(t *testing.T) {
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		for seed := range uint64(50) {
			t.Run(fmt.Sprintf("%v/seed=%d", role, seed), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 2))
				w := &dropWalk{t: t, rnd: rnd, policy: policies[2+rnd.IntN(2)], changes: rnd.IntN(4) == 0}
				w.r = openRig(t, Config{Role: role, MaxPending: 256 << rnd.IntN(11), Overflow: w.policy})
				w.r.drain(0)
				for range 1000 {
					w.step()
					w.check()
				}
				w.finish()
			})
		}
	}
}

// dropWalk sends at random and notes what was accepted.
type dropWalk struct {
	t       *testing.T
	r       *rig
	rnd     *rand.Rand
	policy  Overflow
	changes bool // the policy does, now and then
	writer  *Writer
	begun   strings.Builder // what the open Writer has taken
	sent    []accepted      // in the order in which they will arrive
	behind  []accepted      // those sent while the Writer is open
	next    int
}

type accepted struct {
	payload, key string
	written      bool // with a Writer
}

func (w *dropWalk) step() {
	c, most := w.r.c, w.r.policy.config.MaxPending
	large := 2
	if w.policy == OverflowLatest {
		large = 6 // it closes when the latest of all keys do not fit
	}
	payload := fmt.Sprintf("%d:", w.next) + strings.Repeat("x", w.rnd.IntN(1+most>>(large+w.rnd.IntN(9))))
	switch n := w.rnd.IntN(100); {
	case n < 65:
		w.next++
		m := accepted{payload: payload}
		if w.rnd.IntN(10) > 0 {
			m.key = fmt.Sprint("key ", w.rnd.IntN(1+w.rnd.IntN(min(40, most/1000+1))))
		}
		if c.State() != Open || c.SendKeyed(m.key, Text, []byte(payload)) != nil {
			return
		}
		if w.writer != nil {
			w.behind = append(w.behind, m)
		} else {
			w.sent = append(w.sent, m)
		}
	case n < 70:
		if w.writer == nil {
			w.writer, _ = c.NewWriter(Text)
			w.begun.Reset()
		}
		if w.writer != nil {
			n, _ := w.writer.WriteString(payload)
			w.begun.WriteString(payload[:n])
			if w.rnd.IntN(2) == 0 { // or else it may all be one frame
				_ = w.writer.Flush()
			}
		}
	case n < 75:
		if w.writer != nil && w.writer.Close() == nil {
			w.sent = append(append(w.sent, accepted{payload: w.begun.String(), written: true}), w.behind...)
			w.writer, w.behind = nil, nil
		}
	case n < 78:
		_ = c.Ping([]byte(payload)[:min(len(payload), 125)])
	case n < 80 && w.changes:
		w.policy = policies[1+w.rnd.IntN(3)]
		c.SetOverflow(w.policy)
	case n < 90:
		w.r.drain(w.rnd.IntN(1 + most>>w.rnd.IntN(12)))
	}
	if w.rnd.IntN(3) == 0 {
		w.r.turn()
	}
}

// check is what is true of a queue at any time.
func (w *dropWalk) check() {
	c := w.r.c
	if n := c.Pending(); n > maxPending(w.r) {
		w.t.Fatalf("%d bytes pending, bound %d", n, w.r.policy.config.MaxPending)
	}
	q := c.tx
	if q == nil {
		return
	}
	queues := []*sendq.Queue{&q.main}
	if q.writer != nil {
		queues = append(queues, &q.writer.behind)
	}
	for _, l := range queues {
		if err := l.Check(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// finish lets everything leave and compares.
func (w *dropWalk) finish() {
	c := w.r.c
	if w.writer != nil && c.State() == Open {
		for w.writer.Close() == ErrPendingFull {
			w.r.drain(100_000)
		}
		w.sent = append(append(w.sent, accepted{payload: w.begun.String(), written: true}), w.behind...)
	}
	w.r.drain(-1)
	if c.State() == Open || w.writer == nil {
		expect(w.t, "pending at last", c.Pending(), 0)
	}
	got := w.received()
	var missing []int
	for i, m := range w.sent {
		if len(got) > 0 && got[0] == m.payload {
			got = got[1:]
		} else {
			missing = append(missing, i)
		}
	}
	expect(w.t, "messages that were not sent, or out of order", len(got), 0)
	messages, bytes := c.Dropped()
	if c.State() != Open && w.writer != nil {
		return // an overflow has closed it, and what waited behind the Writer is lost
	}
	size := 0
	for _, i := range missing {
		m := w.sent[i]
		size += c.frameSize(len(m.payload))
		if m.written {
			w.t.Errorf("message %d, of a Writer, is lost", i)
		}
		replaced := func(later accepted) bool { return later.key == m.key }
		if w.policy == OverflowLatest && !w.changes && (m.key == "" || !slices.ContainsFunc(w.sent[i+1:], replaced)) {
			w.t.Errorf("message %d, key %q, is lost and has no successor", i, m.key)
		}
	}
	expect(w.t, "messages dropped", messages, int64(len(missing)))
	expect(w.t, "bytes dropped", bytes, int64(size))
	w.t.Logf("%d arrived, %d were dropped; %v", len(w.sent)-len(missing), len(missing), c.State())
}

// received is the messages that have arrived.
func (w *dropWalk) received() (messages []string) {
	var m strings.Builder
	for b := w.r.wire.take(); len(b) > 0; {
		h, n, err := frame.DecodeHeader(b)
		if err != nil || n == 0 || int64(len(b)-n) < h.PayloadLen || h.RSV3 {
			w.t.Fatalf("sent bytes that are no frames: %.40x (%v)", b, err)
		}
		payload := b[n : n+int(h.PayloadLen)]
		b = b[n+len(payload):]
		if h.Opcode.IsControl() {
			continue
		}
		if h.Masked {
			mask.XOR(payload, h.MaskingKey)
		}
		m.Write(payload)
		if h.Fin {
			messages = append(messages, m.String())
			m.Reset()
		}
	}
	return messages
}
