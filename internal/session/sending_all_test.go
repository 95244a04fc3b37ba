package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/session/sendq"
)

// numberedAll are that many numbered messages, from one on.
func numberedAll(t *testing.T, first, n int) (all []*Prepared) {
	for i := range n {
		all = append(all, prepare(t, Outgoing{Type: Text, Payload: []byte(numbered(first + i))}))
	}
	return all
}

// Messages that are sent together are all sent, or none of them. The policy does for all what it does for one of their size.
func TestSendAll_IsAllOrNothing(t *testing.T) {
	for role, size := range map[frame.Role]int{frame.Server: 20, frame.Client: 24} {
		for _, policy := range policies {
			t.Run(policy.String(), func(t *testing.T) {
				const most = 200
				fits := most/size - 1
				for _, n := range []int{fits, fits + 1} {
					r := openRig(t, Config{Role: role, MaxPending: most, Overflow: policy})
					r.drain(0)
					expect(t, "send", r.c.SendText(numbered(1)), nil)
					r.turn()
					err := SendAll(r.c, slices.Values(numberedAll(t, 2, n)))
					switch closes := policy == OverflowClose || policy == OverflowLatest; {
					case n == fits:
						expect(t, "all", err, nil)
						expect(t, "pending", r.c.Pending(), size*(1+n))
					case closes:
						expect(t, "one too many", err, ErrPendingFull)
						expect(t, "state", r.c.State(), Closing)
					case policy == OverflowRefuse:
						expect(t, "one too many", err, ErrPendingFull)
						expect(t, "pending", r.c.Pending(), size)
						expect(t, "state", r.c.State(), Open)
					default:
						expect(t, "one too many", err, nil)
						expect(t, "pending", r.c.Pending(), size*n)
						expectDropped(t, r, 1, int64(size))
					}
				}
			})
		}
	}
}

func TestSendAll_KeepsTheOrder(t *testing.T) {
	r := openRig(t, Config{})
	expect(t, "send", r.c.SendText(numbered(1)), nil)
	expect(t, "all", SendAll(r.c, slices.Values(numberedAll(t, 2, 3))), nil)
	expect(t, "send", r.c.SendText(numbered(5)), nil)
	r.turn()
	expect(t, "messages", r.numbers(), "1 2 3 4 5")
	_ = r.c.Close(frame.NormalClosure, "")
	expect(t, "closing", SendAll(r.c, slices.Values(numberedAll(t, 6, 2))), ErrClosed)
}

// What is behind a Writer's message has half of the bound, together with all that waits there. The Writer is in the way then, so a send
// closes nothing, and Missed does if the policy closes.
func TestSendAll_LeavesTheWriterItsHalf(t *testing.T) {
	for _, policy := range []Overflow{OverflowClose, OverflowRefuse} {
		t.Run(policy.String(), func(t *testing.T) {
			r := openRig(t, Config{MaxPending: 200, Overflow: policy})
			w, err := r.c.NewWriter(Text)
			expect(t, "writer", err, nil)
			_, _ = w.WriteString("x")
			expect(t, "flush", w.Flush(), nil)
			r.turn()
			expect(t, "room", r.c.room(), 100)
			expect(t, "room for half", MakeRoom(r.c, slices.Values(numberedAll(t, 1, 5))), true)
			expect(t, "room for more", MakeRoom(r.c, slices.Values(numberedAll(t, 1, 6))), false)
			expect(t, "half", SendAll(r.c, slices.Values(numberedAll(t, 1, 2))), nil)
			expect(t, "room", r.c.room(), 60)
			expect(t, "more than half", SendAll(r.c, slices.Values(numberedAll(t, 3, 6))), ErrPendingFull)
			expect(t, "state", r.c.State(), Open)
			Missed(r.c)
			if policy == OverflowClose {
				expect(t, "state", r.c.State(), Closing)
				return
			}
			expect(t, "state", r.c.State(), Open)
			expect(t, "close", w.Close(), nil)
			r.turn()
			expect(t, "room", r.c.room(), 200)
		})
	}
}

// Room is made for what messages take, whatever that is: keys count where the policy knows them, a client's masks, and what compressing
// makes longer. There is room for all of them then, and not for one more byte.
func TestMakeRoom_CountsWhatMessagesTake(t *testing.T) {
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		for _, policy := range policies {
			for _, threshold := range []int{-1, 100} {
				t.Run(fmt.Sprint(role, " ", policy, " ", threshold), func(t *testing.T) {
					var all []*Prepared
					for i := range 6 {
						payload := []byte(noise(90))
						if i%2 == 0 {
							payload = []byte(strings.Repeat("it is what it is ", 10))
						}
						all = append(all, prepare(t, Outgoing{Type: Binary, Payload: payload, Key: fmt.Sprint(i)}))
					}
					var took int
					for _, more := range []int{1 << 10, 0, -1} { // the first finds out how many bytes they take
						r := deflateRig(t, Config{Role: role, MaxPending: took + more, Overflow: policy, Deflate: Deflate{Threshold: threshold}}, takeover)
						expect(t, fmt.Sprint("room with ", more, " more"), MakeRoom(r.c, slices.Values(all)), more >= 0)
						if more < 0 {
							return
						}
						expect(t, "all", SendAll(r.c, slices.Values(all)), nil)
						took += more - r.c.room()
					}
				})
			}
		}
	}
}

// What merely waits for the turn is sent to make room, and nothing is dropped.
func TestMakeRoom_SendsWhatWaits(t *testing.T) {
	all := slices.Values(numberedAll(t, 1, 50))
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowLatest})
	expect(t, "too much for any", MakeRoom(r.c, slices.Values(numberedAll(t, 1, 51))), false)
	r.drain(0)
	expect(t, "send", r.c.SendText(numbered(1)), nil)
	r.turn()
	for _, key := range []string{"a", "b"} {
		expect(t, "send", r.c.SendAs(Text, []byte(numbered(2)), key, false, false), nil)
	}
	expect(t, "room beside two keys", r.c.room(), 1000-3*20-2*sendq.KeyCost)
	expect(t, "room where the transport is full", MakeRoom(r.c, all), false)
	r.drain(-1)
	expect(t, "messages", r.numbers(), "1 2 2")
	expect(t, "send", r.c.SendText(numbered(3)), nil)
	expect(t, "room before the turn", r.c.room(), 980)
	expect(t, "room for all", MakeRoom(r.c, all), true)
	expect(t, "messages", r.numbers(), "3")
	expectDropped(t, r, 0, 0)
	r.turn()
}

// A peer that does not read does not cost the CPU of compressing what it will not get.
func TestMakeRoom_CompressesNoMoreThanMayFit(t *testing.T) {
	r := deflateRig(t, Config{MaxPending: 4096, Overflow: OverflowRefuse}, takeover)
	r.drain(0)
	expect(t, "send", r.c.SendPlain(Binary, []byte(noise(4080))), nil)
	r.turn()
	var all []*Prepared
	for range 9 {
		all = append(all, prepare(t, Outgoing{Type: Text, Payload: []byte(prose(rand.New(rand.NewPCG(1, 3)), 1000))}))
	}
	expect(t, "room", MakeRoom(r.c, slices.Values(all)), false)
	compressed := 0
	for _, p := range all {
		if p.packed[kindOf(r.c.compressor())].Load() != nil {
			compressed++
		}
	}
	expect(t, "messages that were compressed", compressed, 1)
}

// What is longer than MaxPending before it is compressed is not compressed at all.
func TestMayFit(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000})
	expect(t, "all that fits", MayFit(r.c, slices.Values(numberedAll(t, 1, 50))), true)
	expect(t, "one more", MayFit(r.c, slices.Values(numberedAll(t, 1, 51))), false)
	r.drain(0)
	expect(t, "send", r.c.SendText(numbered(1)), nil)
	expect(t, "all that fits, later", MayFit(r.c, slices.Values(numberedAll(t, 1, 50))), true)
	expect(t, "nothing", MayFit(r.c, slices.Values([]*Prepared(nil))), true)
}

// Under OverflowLatest the last of a key stays, also among messages that are sent together.
func TestSendAll_KeepsTheLatestOfAKey(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowLatest})
	r.drain(0)
	expect(t, "send", r.c.SendText(numbered(1)), nil)
	r.turn()
	var all []*Prepared
	for i, key := range []string{"a", "b", "a"} {
		all = append(all, prepare(t, Outgoing{Type: Text, Payload: []byte(numbered(2 + i)), Key: key}))
	}
	expect(t, "all", SendAll(r.c, slices.Values(all)), nil)
	r.drain(-1)
	expect(t, "messages", r.numbers(), "1 3 4")
}

// Messages that are sent together are compressed as others are.
func TestSendAll_Compresses(t *testing.T) {
	for _, params := range []deflate.Params{takeover, noTakeover} {
		message := prose(rand.New(rand.NewPCG(1, 3)), 3000)
		p := prepare(t, Outgoing{Type: Text, Payload: []byte(message)})
		r := deflateRig(t, Config{}, params)
		peer := newDeflatePeer(t, r)
		_ = r.c.SendText("before " + message)
		expect(t, "all", SendAll(r.c, slices.Values([]*Prepared{p, p})), nil)
		_ = r.c.SendText("behind " + message)
		r.turn()
		b := r.wire.take()
		if got := peer.take(b); len(got) != 4 || got[1] != message || got[2] != message || got[3] != "behind "+message {
			t.Errorf("got %.60q", got)
		}
		if len(b) > 3*len(message) {
			t.Errorf("four messages of %d bytes take %d", len(message), len(b))
		}
	}
}
