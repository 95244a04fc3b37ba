package session

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// emptyCodes is a message of n blocks of DEFLATE that have codes of their own and nothing
// else (RFC 1951 3.2.7), a dozen bytes each.
func emptyCodes(n int) string {
	var b []byte
	bits := 0
	put := func(v, n int) {
		for i := range n {
			if bits%8 == 0 {
				b = append(b, 0)
			}
			b[len(b)-1] |= byte(v>>i&1) << (bits % 8)
			bits++
		}
	}
	for range n {
		put(0b100, 3)
		put(0, 10) // 257 lengths of literals, one of distances
		put(14, 4) // 18 lengths of codes:
		put(0, 6)  // of 16 and 17 none,
		put(1, 3)  // of 18
		put(0, 14*3)
		put(1, 3) // and of 1
		put(1, 1)
		put(127, 7) // 138 times none,
		put(1, 1)
		put(107, 7) // 118 times,
		put(0, 3)   // then one for the end and one for distances; the end
	}
	put(0, 3)
	return string(b)
}

// cheap are inputs that are short and take long.
func cheap(p *deflatePeer) map[string]string {
	zeros := string(deflate.Compressor{Level: 9}.Append(nil, make([]byte, 256<<10), nil, true))
	huge := string(deflate.Compressor{Level: 9}.Append(nil, make([]byte, 8<<20), nil, true))
	codes := emptyCodes(5000)
	return map[string]string{
		"messages that say a thousand times their bytes": strings.Repeat(string(p.raw(frame.Binary, zeros, 1, nil)), 200),
		"one message of that kind":                       string(p.raw(frame.Binary, huge, 1, nil)),
		"one in fragments":                               string(p.raw(frame.Text, huge, 50, ping("x"))),
		"blocks without content":                         string(p.raw(frame.Text, codes, 1, nil)),
		"the same in fragments":                          string(p.raw(frame.Binary, codes, 500, nil)),
	}
}

// Whatever is short and says much, one turn of its connection is bounded, and all of it is
// dealt with in the end.
func TestWork_ATurnIsBounded(t *testing.T) {
	for name, in := range cheap(&deflatePeer{role: frame.Client}) {
		for _, params := range []deflate.Params{takeover, noTakeover} {
			for _, dispatch := range []Dispatch{OnLoop, OnGoroutines, Adaptive} {
				t.Run(fmt.Sprintf("%s/%v/%d", name, params, dispatch), inBubble(func(t *testing.T) {
					r := deflateRig(t, Config{Dispatch: dispatch, MaxMessageSize: 8 << 20}, params)
					said := make(chan int, 1000)
					r.c.OnMessage(func(_ *Conn, m Message) { said <- len(m.Payload) })
					r.wire.in = append([]byte(in), text("the end")...)
					var most atomic.Int64
					r.onSchedule = func() { most.Store(max(most.Load(), r.loop.work.all.Load())) }
					total, whole := 0, false
					r.eventually("the end", func() bool {
						for len(said) > 0 {
							n := <-said
							total += n
							whole = n == len("the end")
						}
						return whole
					})
					if n := most.Load(); n < workBudget || n > workBudget+inflateChunk+8<<10 {
						t.Errorf("the longest turn took %d bytes' worth, of %d", n, workBudget)
					}
					expect(t, "state", r.c.State(), Open)
				}))
			}
		}
	}
}

// An answer that is compressed counts as well, whatever the message was: the rest of what
// was read waits for the next turn.
func TestWork_AnswersCount(t *testing.T) {
	for _, level := range []int{1, 6, 9} {
		t.Run(fmt.Sprint("level=", level), func(t *testing.T) {
			answer := []byte(strings.Repeat("an answer ", 800))
			answers := 0
			r := deflateRig(t, Config{MaxPending: 8 << 20, Deflate: Deflate{Level: level}, Handlers: Handlers{Message: func(c *Conn, _ Message) {
				if err := c.Send(Text, answer); err != nil {
					t.Error(err)
				}
				answers++
			}}}, noTakeover)
			r.receive([]byte(strings.Repeat(string(text("short")), 500)))
			each := r.c.compressor().Work(len(answer), nil)
			if most := workBudget/each + 1; answers == 0 || answers > most {
				t.Errorf("%d answers in a turn, want %d", answers, most)
			}
			r.turn()
			expect(t, "answers", answers, 500)
		})
	}
}

// So do those that the loop sends by itself, wherever callbacks run.
func TestWork_AutoAnswersCount(t *testing.T) {
	for _, dispatch := range []Dispatch{OnLoop, OnGoroutines, Adaptive} {
		t.Run(fmt.Sprint(dispatch), func(t *testing.T) {
			answer := strings.Repeat("an answer ", 800)
			r := deflateRig(t, Config{
				Dispatch: dispatch, MaxPending: 8 << 20, CompressionPerSecond: 1 << 20,
				Handlers: Handlers{Message: func(*Conn, Message) {}},
			}, noTakeover)
			expect(t, "error", (Incoming{r.c}).AutoAnswer("short", answer), nil)
			r.receive([]byte(strings.Repeat(string(text("short")), 5)))
			each := r.c.compressor().Work(len(answer), nil)
			if got, want := int(r.d.workDebt), 5*each/(1<<20/1000); got < want-5 {
				t.Errorf("the debt for 5 answers is %d, want %d", got, want)
			}
		})
	}
}

// What a callback sends to others counts for the turn in which it does so, and not for
// what its own peer may have.
func TestWork_SendingToOthersEndsTheTurn(t *testing.T) {
	other := deflateRig(t, Config{MaxPending: 64 << 20}, noTakeover)
	messages := 0
	r := deflateRig(t, Config{CompressionPerSecond: 1 << 20, Handlers: Handlers{Message: func(*Conn, Message) {
		messages++
		_ = other.c.Send(Text, make([]byte, workBudget))
	}}}, noTakeover)
	other.loop.work.all.Store(0)
	other.c.loop = r.loop // a neighbour on the same loop
	r.others = append(r.others, other.d)
	r.receive([]byte(strings.Repeat(string(text("short")), 10)))
	expect(t, "messages in the first turn", messages, 1)
	r.turn()
	expect(t, "messages", messages, 10)
	expect(t, "debt", r.d.workDebt, 0)
	other.c.loop = other.loop
}

// workRig's peer may have a MiB a second.
func workRig(t *testing.T, dispatch Dispatch) (r *rig, said *int) {
	said = new(int)
	r = deflateRig(t, Config{Dispatch: dispatch, CompressionPerSecond: 1 << 20, MaxMessageSize: 64 << 20, IdleTimeout: -1}, noTakeover)
	r.c.OnStream(nil)
	r.c.OnMessage(func(_ *Conn, m Message) { *said += len(m.Payload) })
	return r, said
}

// Beyond the rate the peer is not read from: nothing is lost, and nobody is closed.
func TestWork_TheRateHolds(t *testing.T) {
	r, said := workRig(t, OnLoop)
	p := newDeflatePeer(t, r)
	zeros := string(deflate.Compressor{}.Append(nil, make([]byte, 16<<10), nil, true))
	one := p.raw(frame.Binary, zeros, 1, nil)
	const messages = 10 * 64 // ten seconds' worth
	r.wire.in = []byte(strings.Repeat(string(one), messages))
	start, took := r.loop.Now, time.Duration(0)
	for *said < messages*16<<10 && took < time.Minute {
		r.poll()
		r.turn()
		if now := r.loop.Now - start; *said > int(now.Seconds()*(1<<20))+(1<<20)/4 {
			t.Fatalf("%d bytes were inflated in %v", *said, now)
		}
		r.advance(50 * time.Millisecond)
		took = r.loop.Now - start
	}
	if took < 9*time.Second || took > 12*time.Second {
		t.Errorf("%d of %d bytes in %v", *said, messages*16<<10, took)
	}
	expect(t, "state", r.c.State(), Open)
}

// A peer that was held for its rate is read from again although it sends no more, and
// its Close is found.
func TestWork_APeerThatIsHeldIsReadAgain(t *testing.T) {
	for _, dispatch := range []Dispatch{OnLoop, OnGoroutines, Adaptive} {
		r, _ := workRig(t, dispatch)
		p := newDeflatePeer(t, r)
		zeros := string(deflate.Compressor{}.Append(nil, make([]byte, 1<<20), nil, true))
		r.receive(append(p.raw(frame.Binary, zeros, 1, nil), peerClose(frame.NormalClosure, "")...))
		r.turn()
		expect(t, "held", r.c.flags.Load()&holdWork != 0, true)
		expect(t, "read", r.read, false)
		for range 40 {
			r.advance(100 * time.Millisecond)
			r.turn()
			r.poll()
		}
		expect(t, "code", r.info().Received, frame.NormalClosure)
	}
}

// Those who say little, or are heard by a program with no limit, are never held.
func TestWork_ChatIsNeverHeld(t *testing.T) {
	r := deflateRig(t, Config{CompressionPerSecond: DefaultCompressionPerSecond, Handlers: Handlers{Message: echo}}, takeover)
	p := newDeflatePeer(t, r)
	for i := range 2000 {
		r.advance(time.Millisecond)
		r.receive(p.frames(frame.Text, fmt.Sprintf("%d: %s", i, strings.Repeat("hello ", 100)), 1, nil))
		r.turn()
		if r.c.held() || r.d.workDebt > 5 {
			t.Fatalf("message %d: debt %d", i, r.d.workDebt)
		}
		r.wire.take()
	}
}

// A rate holds that is less in a second than one turn may take.
func TestWork_LowRatesHold(t *testing.T) {
	for _, rate := range []int{1000, 64 << 10, 512 << 10} {
		r := deflateRig(t, Config{IdleTimeout: -1, MaxMessageSize: 64 << 20}, noTakeover)
		said := 0
		r.c.OnMessage(func(_ *Conn, m Message) { said += len(m.Payload) })
		if err := r.c.SetLimits(Limits{CompressionPerSecond: rate}); err != nil {
			t.Fatal(err)
		}
		p := newDeflatePeer(t, r)
		zeros := string(deflate.Compressor{}.Append(nil, make([]byte, 128<<10), nil, true))
		r.wire.in = []byte(strings.Repeat(string(p.raw(frame.Binary, zeros, 1, nil)), 100))
		for range 10 * 20 {
			r.poll()
			r.turn()
			r.advance(50 * time.Millisecond)
		}
		if most := 10*rate + 256<<10; said > most {
			t.Errorf("at %d a second %d bytes in 10 s", rate, said)
		}
		before := said
		if err := r.c.SetLimits(Limits{CompressionPerSecond: 64 << 20}); err != nil { // and a higher one at once
			t.Fatal(err)
		}
		for range 20 {
			r.turn()
			r.poll()
			r.advance(50 * time.Millisecond)
		}
		if said < before+1<<20 {
			t.Errorf("%d bytes once there is no limit", said-before)
		}
	}
}

// What a connection with a high rate has left over is not the debt of one with a low rate.
func TestWork_TheRestIsNobodysDebt(t *testing.T) {
	r := deflateRig(t, Config{CompressionPerSecond: math.MaxInt, IdleTimeout: -1, Handlers: Handlers{Message: func(*Conn, Message) {}}}, noTakeover)
	p := newDeflatePeer(t, r)
	r.receive(p.frames(frame.Text, strings.Repeat("hello", 10_000), 1, nil))
	if err := r.c.SetLimits(Limits{CompressionPerSecond: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	r.turn()
	r.receive(p.frames(frame.Text, "hello", 1, nil))
	if r.d.workDebt > 3 {
		t.Errorf("debt %d", r.d.workDebt)
	}
}
