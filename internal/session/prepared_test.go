package session

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

func prepare(t testing.TB, o Outgoing) *Prepared {
	t.Helper()
	p, err := Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Receivers that agreed on different things, on any goroutines, get the same message, which
// is compressed once for each level and window.
func TestPrepared_IsCompressedOnceForEachWindow(t *testing.T) {
	message := prose(rand.New(rand.NewPCG(1, 1)), 3000)
	p := prepare(t, Outgoing{Type: Text, Payload: []byte(message)})
	var peers []*deflatePeer
	var rigs []*rig
	for i := range 24 {
		params := []deflate.Params{takeover, noTakeover, nineBits}[i%3]
		r := deflateRig(t, Config{Deflate: Deflate{Level: 1 + i/12}}, params)
		rigs, peers = append(rigs, r), append(peers, newDeflatePeer(t, r))
	}
	var all sync.WaitGroup
	for _, r := range rigs {
		all.Go(func() {
			_ = r.c.SendText("before " + message)
			expect(t, "send", r.c.SendPrepared(p), nil)
			_ = r.c.SendText("behind " + message)
		})
	}
	all.Wait()
	for i, r := range rigs {
		r.turn()
		got := peers[i].take(r.wire.take())
		if len(got) != 3 || got[1] != message || got[2] != "behind "+message {
			t.Errorf("receiver %d got %.60q", i, got)
		}
	}
	expect(t, "compressed forms", p.forms(), 3) // level 1, level 2, and nine bits
}

// Receivers that want a compressed form at the same time wait for the one that makes it.
func TestPrepared_IsCompressedOnceUnderContention(t *testing.T) {
	for name, message := range map[string]string{"prose": prose(rand.New(rand.NewPCG(1, 5)), 3000), "noise": noise(3000)} {
		t.Run(name, func(t *testing.T) {
			const receivers = 8
			p := prepare(t, Outgoing{Type: Binary, Payload: []byte(message)})
			var runs atomic.Int64
			var all sync.WaitGroup
			p.mu.Lock() // as if one were at it
			for range receivers {
				all.Go(func() {
					if _, fresh := p.compressed(deflate.Compressor{WindowBits: 15}, false, &testPool.pool); fresh {
						runs.Add(1)
					}
				})
			}
			for deadline := time.Now().Add(time.Minute); lockedOutOf("(*Prepared).compressed") < receivers; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Error("not all of them wait")
					break
				}
			}
			p.mu.Unlock()
			all.Wait()
			expect(t, "times that it was compressed", runs.Load(), 1)
		})
	}
}

// lockedOutOf is how many goroutines wait for a mutex in a function.
func lockedOutOf(function string) (n int) {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "sync.Mutex.Lock") && strings.Contains(stack, function) {
			n++
		}
	}
	return n
}

// windows are agreements on each window that a client can choose.
func windows() (all []deflate.Params) {
	for bits := 9; bits <= 15; bits++ {
		all = append(all, deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: bits})
	}
	return all
}

// A form that is no shorter than the message takes no memory, and is not made again. Whoever must have one gets it.
func TestPrepared_KeepsNoFormWithoutGain(t *testing.T) {
	message := noise(3000)
	p := prepare(t, Outgoing{Type: Binary, Payload: []byte(message)})
	send := func(params deflate.Params, threshold int) (compressed bool, work int64) {
		t.Helper()
		r := deflateRig(t, Config{Deflate: Deflate{Threshold: threshold}}, params)
		peer := newDeflatePeer(t, r)
		expect(t, "send", r.c.SendPrepared(p), nil)
		work = r.loop.work.all.Load()
		r.turn()
		expect(t, "message", strings.Join(peer.take(r.wire.take()), ""), message)
		return peer.rsv1 > 0, work
	}
	for _, params := range windows() {
		if compressed, work := send(params, 0); compressed || work == 0 {
			t.Errorf("%d bits: compressed %v, with the work %d", params.ServerMaxWindowBits, compressed, work)
		}
		if compressed, work := send(params, 0); compressed || work != 0 {
			t.Errorf("%d bits, again: compressed %v, with the work %d", params.ServerMaxWindowBits, compressed, work)
		}
	}
	expect(t, "forms", p.forms(), 0)
	for range 2 {
		if compressed, _ := send(takeover, -1); !compressed {
			t.Error("it is sent as it is, and all is to be compressed")
		}
		if compressed, _ := send(takeover, 0); compressed {
			t.Error("it is sent compressed, which is no gain")
		}
	}
	expect(t, "forms", p.forms(), 1)
	p.Release()
}

// forms is how many compressed forms the message has.
func (p *Prepared) forms() (n int) {
	for i := range p.packed {
		if f := p.packed[i].Load(); f != nil && f != noGain {
			n++
		}
	}
	return n
}

// Shrink takes nothing from those that wait, and the message can be sent again. What is no gain is not tried again.
func TestPrepared_Shrink(t *testing.T) {
	message := prose(rand.New(rand.NewPCG(1, 6)), 3000)
	p := prepare(t, Outgoing{Type: Text, Payload: []byte(message)})
	var rigs []*rig
	var peers []*deflatePeer
	for _, params := range windows() {
		r := deflateRig(t, Config{}, params)
		r.drain(0)
		rigs, peers = append(rigs, r), append(peers, newDeflatePeer(t, r))
	}
	for range 3 {
		for _, r := range rigs {
			expect(t, "send", r.c.SendPrepared(p), nil)
		}
		expect(t, "forms", p.forms(), len(rigs))
		p.Shrink()
		expect(t, "forms after Shrink", p.forms(), 0)
	}
	p.Release()
	for i, r := range rigs {
		r.drain(-1)
		if got := peers[i].take(r.wire.take()); len(got) != 3 || got[0] != message || got[2] != message || peers[i].rsv1 != 3 {
			t.Errorf("receiver %d got %.60q, %d of them compressed", i, got, peers[i].rsv1)
		}
	}
	plain := prepare(t, Outgoing{Type: Binary, Payload: []byte(noise(3000))})
	for _, want := range []bool{true, false} {
		_, fresh := plain.compressed(deflate.Compressor{WindowBits: 15}, false, &testPool.pool)
		expect(t, "compressed", fresh, want)
		plain.Shrink()
	}
}

// A receiver with a context keeps it: its next message refers to the ones before. One
// without takes no memory for it.
func TestPrepared_KeepsTheReceiversContext(t *testing.T) {
	message := prose(rand.New(rand.NewPCG(1, 2)), 3000)
	p := prepare(t, Outgoing{Type: Text, Payload: []byte(message)})
	r := deflateRig(t, Config{}, takeover)
	peer := newDeflatePeer(t, r)
	send := func(f func() error) int {
		t.Helper()
		expect(t, "send", f(), nil)
		r.turn()
		b := r.wire.take()
		_ = peer.take(b)
		return len(b)
	}
	alone := send(func() error { return r.c.SendPrepared(p) })
	if r.c.extras != nil && r.c.extras.contexts != nil && r.c.extras.contexts.out.buf != nil {
		t.Error("a context is kept for a message that refers to none")
	}
	first := send(func() error { return r.c.SendText(message) })
	expect(t, "size without a context", first, alone)
	if again := send(func() error { return r.c.SendPrepared(p) }); again != alone {
		t.Errorf("a shared message takes %d bytes, and %d before", again, alone)
	}
	if last := send(func() error { return r.c.SendText(message) }); last > alone/4 {
		t.Errorf("a message that was sent before takes %d bytes, alone %d", last, alone)
	}
}

// Sending to all who keep up takes no allocation, and no memory but the queues'.
func TestPrepared_DoesNotAllocate(t *testing.T) {
	client := Config{Role: frame.Client, Overflow: OverflowDropOldest}
	for name, try := range map[string]struct {
		config Config
		params *deflate.Params
	}{"plain": {}, "compressed": {params: &noTakeover}, "client": {config: client}, "client/compressed": {client, &noTakeover}} {
		t.Run(name, func(t *testing.T) {
			var rigs []*rig
			for range 50 {
				r := newRig(t, try.config)
				r.d.Open(Opening{Response: []byte("HTTP/1.1 101\r\n\r\n"), Deflate: try.params})
				r.wire.out.Grow(1 << 16)
				rigs = append(rigs, r)
			}
			payload := []byte(strings.Repeat("to everybody ", 100))
			expectNoAllocs(t, func() {
				p, _ := Prepare(Outgoing{Type: Text, Payload: payload})
				p.SetTag(Tag{Of: t})
				for _, r := range rigs {
					_ = r.c.SendPrepared(p)
				}
				p.Release()
				for _, r := range rigs {
					r.turn()
					r.wire.out.Reset()
				}
			})
		})
	}
}

func TestPrepared_IsMaskedByClients(t *testing.T) {
	r := openRig(t, Config{Role: frame.Client})
	p := prepare(t, Outgoing{Type: Text, Payload: []byte("hello")})
	for range 2 {
		expect(t, "send", r.c.SendPrepared(p), nil)
		r.turn()
		b := r.wire.take()
		h, n, err := frame.DecodeHeader(b)
		if err != nil || !h.Masked || h.Opcode != Text || len(b) != n+5 {
			t.Errorf("%x: %+v %v", b, h, err)
		}
	}
	expect(t, "payload", string(p.plain.Payload()), "hello")
}

func TestPrepared_FailsAsSendsDo(t *testing.T) {
	_, err := Prepare(Outgoing{Type: Text, Payload: []byte("\xff")})
	expect(t, "text", err, ErrNotUTF8)
	_, err = Prepare(Outgoing{Type: frame.Ping})
	expect(t, "type", err, ErrMessageType)

	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowRefuse})
	large := prepare(t, Outgoing{Type: Binary, Payload: make([]byte, 1000)})
	expect(t, "too large", r.c.SendPrepared(large), ErrMessageTooLarge)
	r.drain(0)
	half := prepare(t, Outgoing{Type: Binary, Payload: make([]byte, 600)})
	expect(t, "first", r.c.SendPrepared(half), nil)
	expect(t, "second", r.c.SendPrepared(half), ErrPendingFull)
	expect(t, "pending", r.c.Pending(), half.plain.Len())
	r.d.Abort(nil)
	expect(t, "closed", r.c.SendPrepared(half), ErrClosed)
}

// listener notes what it is told.
type listener struct {
	dropped []uint64
	ended   int
}

func (l *listener) Dropped(tag Tag) { l.dropped = append(l.dropped, tag.Number) }
func (l *listener) Ended()          { l.ended++ }

// An attachment is told which messages were dropped, and when the connection is closed. A client's is told, too.
func TestAttachment_HearsWhatIsDropped(t *testing.T) {
	for name, try := range map[string]struct {
		role frame.Role
		size int // for frames of 100 bytes
	}{"server": {frame.Server, 98}, "client": {frame.Client, 94}} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{Role: try.role, MaxPending: 1000, Overflow: OverflowDropOldest})
			l := new(listener)
			if a, err := Attach(r.c, t, l); a != l || err != nil {
				t.Fatal(a, err)
			}
			if a, err := Attach(r.c, t, new(listener)); a != l || err != nil || Attached(r.c, t) != a {
				t.Error("a second attachment of one owner takes the place of the first:", a, err)
			}
			r.drain(0)
			for i := range 20 {
				p, _ := Prepare(Outgoing{Type: Binary, Payload: make([]byte, try.size)})
				p.SetTag(Tag{Of: t, Number: uint64(i)})
				expect(t, "send", Deliver(r.c, p), nil)
				p.Release()
			}
			expect(t, "dropped", fmt.Sprint(l.dropped), "[0 1 2 3 4 5 6 7 8 9]")
			r.d.Abort(nil)
			expect(t, "ended", l.ended, 1)
			_, err := Attach(r.c, r, new(listener))
			expect(t, "too late", err, ErrClosed)
		})
	}
}

// A client masks each message with a key of its own and compresses it, whether it may be dropped and has a tag or not.
func TestPrepared_OfClientsIsWhole(t *testing.T) {
	long, short := prose(rand.New(rand.NewPCG(1, 7)), 3000), "short"
	for _, policy := range policies {
		for name, params := range map[string]*deflate.Params{"plain": nil, "takeover": &takeover, "compressed": &noTakeover} {
			t.Run(fmt.Sprint(policy, "/", name), func(t *testing.T) {
				r := newRig(t, Config{Role: frame.Client, Overflow: policy})
				r.d.Open(Opening{Response: []byte("HTTP/1.1 101\r\n\r\n"), Deflate: params})
				r.wire.take()
				peer := newDeflatePeer(t, r)
				var all []string
				for i, message := range []string{long, short, long, noise(1000)} {
					p := prepare(t, Outgoing{Type: Binary, Payload: []byte(message), Key: "key"})
					p.SetTag(Tag{Of: t, Number: uint64(i)})
					expect(t, "send", r.c.SendPrepared(p), nil)
					p.Release()
					expect(t, "send", r.c.SendText("behind "+long), nil)
					r.turn()
					all = append(all, message, "behind "+long)
				}
				wire := r.wire.take()
				if got := peer.take(wire); !slices.Equal(got, all) {
					t.Errorf("got %.60q", got)
				}
				if params == nil {
					expect(t, "compressed", peer.rsv1, 0)
				} else {
					expect(t, "compressed", peer.rsv1, 6)
				}
			})
		}
	}
}

// BenchmarkPrepared is a message of 1 KiB to 500 connections that keep up.
func BenchmarkPrepared(b *testing.B) {
	payload := []byte(prose(rand.New(rand.NewPCG(1, 3)), 1<<10))
	for name, params := range map[string]*deflate.Params{"plain": nil, "compressed": &noTakeover} {
		for _, way := range []string{"send", "prepared"} {
			b.Run(name+"/"+way, func(b *testing.B) {
				var rigs []*rig
				for range 500 {
					r := newRig(b, Config{})
					r.d.Open(Opening{Response: []byte("HTTP/1.1 101\r\n\r\n"), Deflate: params})
					rigs = append(rigs, r)
				}
				b.ReportAllocs()
				for b.Loop() {
					p := prepare(b, Outgoing{Type: Text, Payload: payload})
					for _, r := range rigs {
						if way == "send" {
							_ = r.c.Send(Text, payload)
						} else {
							_ = r.c.SendPrepared(p)
						}
					}
					p.Release()
					for _, r := range rigs {
						r.turn()
						r.wire.out.Reset()
					}
				}
			})
		}
	}
}

// What compressing makes longer is sent as it is, unless every message is to be compressed. So is
// what is short, and what is to be left alone.
func TestPrepared_WhatIsNotCompressed(t *testing.T) {
	noise := make([]byte, 1000)
	rnd := rand.New(rand.NewPCG(1, 4))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	zeros := make([]byte, 1000)
	for name, try := range map[string]struct {
		threshold int
		o         Outgoing
		want      bool
	}{
		"long":         {0, Outgoing{Type: Binary, Payload: zeros}, true},
		"short":        {0, Outgoing{Type: Binary, Payload: zeros[:10]}, false},
		"noise":        {0, Outgoing{Type: Binary, Payload: noise}, false},
		"all":          {-1, Outgoing{Type: Binary, Payload: noise}, true},
		"uncompressed": {-1, Outgoing{Type: Binary, Payload: zeros, Uncompressed: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := deflateRig(t, Config{Deflate: Deflate{Threshold: try.threshold}}, takeover)
			peer := newDeflatePeer(t, r)
			p := prepare(t, try.o)
			for range 2 {
				expect(t, "send", r.c.SendPrepared(p), nil)
				r.turn()
				expect(t, "message", peer.take(r.wire.take())[0], string(try.o.Payload))
			}
			expect(t, "compressed", peer.rsv1 == 2, try.want)
		})
	}
}
