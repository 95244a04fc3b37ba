package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// Whatever is dropped, overtaken or refused, and however the policy changes, the peer can
// inflate what arrives with exactly the agreed window, and it is what was sent.
func TestCompressedMessagesNeverReferToWhatThePeerMayNotHave(t *testing.T) {
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		for name, p := range map[string]deflate.Params{"takeover": takeover, "no takeover": noTakeover, "nine bits": nineBits} {
			for seed := range uint64(20) {
				t.Run(fmt.Sprintf("%v/%s/seed=%d", role, name, seed), func(t *testing.T) {
					rnd := rand.New(rand.NewPCG(seed, 7))
					w := &deflateWalk{t: t, rnd: rnd}
					w.r = deflateRig(t, Config{Role: role, MaxPending: 4096 << rnd.IntN(5), Overflow: Overflow(1 + rnd.IntN(3)),
						Deflate: Deflate{Threshold: 20}}, p)
					w.peer = newDeflatePeer(t, w.r)
					for range 300 {
						w.step()
					}
					w.finish()
				})
			}
		}
	}
}

// deflateWalk sends at random and notes what was accepted, in the order in which it will
// arrive if it does.
type deflateWalk struct {
	t      *testing.T
	r      *rig
	rnd    *rand.Rand
	peer   *deflatePeer
	writer *Writer
	begun  strings.Builder // what the open Writer has taken
	sent   []string
	behind []string // those sent while the Writer is open
	got    []string
	next   int
}

func (w *deflateWalk) step() {
	c := w.r.c
	payload := fmt.Sprintf("%d:", w.next) + prose(w.rnd, w.rnd.IntN(1<<w.rnd.IntN(12)))
	switch n := w.rnd.IntN(100); {
	case n < 55:
		w.next++
		var err error
		switch w.rnd.IntN(5) {
		case 4:
			err = c.SendPrepared(prepare(w.t, Outgoing{Type: Text, Payload: []byte(payload), Key: fmt.Sprint(w.rnd.IntN(5))}))
		case 0:
			err = c.SendPlain(Text, []byte(payload))
		case 1:
			err = c.SendKeyed(fmt.Sprint(w.rnd.IntN(5)), Text, []byte(payload))
		default:
			err = c.SendText(payload)
		}
		if err != nil {
			return
		}
		if w.writer != nil {
			w.behind = append(w.behind, payload)
		} else {
			w.sent = append(w.sent, payload)
		}
	case n < 65:
		if w.writer == nil {
			begin := c.NewWriter
			if w.rnd.IntN(3) == 0 {
				begin = c.NewPlainWriter
			}
			w.writer, _ = begin(Text)
			w.begun.Reset()
		}
		if w.writer != nil {
			n, _ := w.writer.WriteString(payload)
			w.begun.WriteString(payload[:n])
			if w.rnd.IntN(2) == 0 { // or else it may all be one frame
				_ = w.writer.Flush()
			}
		}
	case n < 72:
		if w.writer != nil && w.writer.Close() == nil {
			w.closed()
		}
	case n < 75:
		c.SetOverflow(Overflow(1 + w.rnd.IntN(3)))
	case n < 90:
		w.r.drain(w.rnd.IntN(1 << w.rnd.IntN(14)))
	}
	if w.rnd.IntN(3) == 0 {
		w.r.turn()
	}
	w.got = append(w.got, w.peer.take(w.r.wire.take())...)
}

func (w *deflateWalk) closed() {
	w.sent = append(append(w.sent, w.begun.String()), w.behind...)
	w.writer, w.behind = nil, nil
}

// finish lets everything leave and compares.
func (w *deflateWalk) finish() {
	w.r.drain(-1)
	if w.writer != nil && w.writer.Close() == nil {
		w.closed()
	}
	w.r.drain(-1)
	w.got = append(w.got, w.peer.take(w.r.wire.take())...)
	got, missing := w.got, int64(0)
	for _, m := range w.sent {
		if len(got) > 0 && got[0] == m {
			got = got[1:]
		} else {
			missing++
		}
	}
	if len(got) > 0 {
		w.t.Errorf("%d of %d messages were not sent, or are out of order", len(got), len(w.got))
	}
	if dropped, _ := w.r.c.Dropped(); w.r.c.State() == Open && missing != dropped {
		w.t.Errorf("%d messages are missing, %d were dropped", missing, dropped)
	}
	w.t.Logf("%d arrived, %d of them compressed, %d were dropped; %v", len(w.got), w.peer.rsv1, missing, w.r.c.State())
}
