package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// RFC 7692 7.2.2, with every way to cut a message into frames and reads, and control
// frames between its fragments (RFC 6455 5.4).
func TestCompressedMessagesAreInflated(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for name, p := range map[string]deflate.Params{"takeover": takeover, "no takeover": noTakeover, "nine bits": nineBits} {
			for _, chunk := range []int{0, 1, 700} {
				for _, fragments := range []int{1, 2, 7} {
					t.Run(fmt.Sprintf("%s/chunk=%d/fragments=%d", name, chunk, fragments), func(t *testing.T) {
						var got []string
						r := deflateRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Message: func(_ *Conn, m Message) {
							got = append(got, m.Type.String()+m.String())
							clear(m.Payload) // until the callback returns it may change it
						}}}, p)
						r.wire.chunk = chunk
						rnd, peer := rand.New(rand.NewPCG(1, 1)), newDeflatePeer(t, r)
						var want []string
						for _, n := range []int{0, 1, 20, 300, 5000, 40_000, 300, 100_000, 10} {
							if chunk == 1 {
								n /= 20
							}
							text := prose(rnd, n)
							want = append(want, "Text"+text)
							r.receive(peer.frames(frame.Text, text, fragments, ping("p")))
							want = append(want, "Binaryplain")
							r.receive(peerBinary("plain"))
						}
						var others []string
						for _, over := range []int{-1, 0, 1, 100, 5000} { // what a few bits say fills a chunk
							others = append(others, strings.Repeat("a", inflateChunk+over))
						}
						// Longer than what is read at once, and longer still when it is inflated.
						others = append(others, strings.Repeat(noise(40_000)+strings.Repeat("a", 40_000), 3))
						for _, s := range others {
							if chunk != 1 {
								want = append(want, "Binary"+s)
								r.receive(peer.frames(frame.Binary, s, fragments, nil))
							}
						}
						for r.wire.unread() > 0 {
							r.poll()
							r.turn()
							runtime.Gosched()
						}
						r.eventually("the input's end", func() bool { return r.wire.unread() == 0 && r.d.rx == nil && !r.c.queued() })
						if strings.Join(got, "|") != strings.Join(want, "|") {
							t.Errorf("%d messages, want %d; %v", len(got), len(want), r.c.State())
						}
					})
				}
			}
		}
	})
}

// noise is n bytes that do not compress.
func noise(n int) string {
	rnd := rand.New(rand.NewPCG(9, 9))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return string(b)
}

// What is lent for a message is as good as new for the next connection's, however the
// last one ended.
func TestInflationIsLentCleanly(t *testing.T) {
	p := newPlayer(OnLoop, false)
	p.deflate = &noTakeover
	peer := &deflatePeer{t: t, role: frame.Client, outBits: deflate.MaxWindowBits}
	half := peer.raw(frame.Text, string(deflate.Compressor{}.Append(nil, []byte("half a character: \xe2\x82"), nil, false)), 2, nil)
	long := peer.frames(frame.Text, prose(rand.New(rand.NewPCG(1, 1)), 450), 1, nil)
	good := peer.frames(frame.Text, "Hello", 1, nil)
	for _, broken := range [][]byte{half[:len(half)-1], long[:len(long)/2], {}} {
		p.play(t, broken, nil)
		if got := p.play(t, good, nil); got.delivered != "Text 48656c6c6f\n" || got.err != nil {
			t.Errorf("after %x: told %q, %v", broken, got.delivered, got.err)
		}
	}
	peer.out.forget()
}

func ping(s string) []byte       { return peer(frame.Ping, true, s) }
func peerBinary(s string) []byte { return peer(frame.Binary, true, s) }

// What is wrong with a compressed message has its close code; what came before it is
// delivered.
func TestCompressedMessagesThatAreWrong(t *testing.T) {
	alone := func(s string) string { return string(deflate.Compressor{}.Append(nil, []byte(s), nil, true)) }
	long := strings.Repeat("ab", 600)
	for name, c := range map[string]struct {
		params deflate.Params
		op     frame.Opcode
		packed string
		want   *frame.Error
	}{
		"garbage":              {takeover, frame.Binary, "\xff\xff\xff", deflate.ErrCorrupt},
		"cut":                  {takeover, frame.Binary, alone(prose(rand.New(rand.NewPCG(1, 1)), 500))[:50], deflate.ErrCut},
		"beyond what was said": {takeover, frame.Binary, "\x02\x46\x00", deflate.ErrHistory},
		"not UTF-8":            {takeover, frame.Text, alone("good\xff"), frame.ErrInvalidUTF8},
		"half a character":     {takeover, frame.Text, alone("good\xe2\x82"), frame.ErrInvalidUTF8},
		"too long":             {takeover, frame.Text, alone(strings.Repeat("a", 2001)), frame.ErrMessageTooBig},
		"window of nine bits":  {nineBits, frame.Binary, alone(prose(rand.New(rand.NewPCG(1, 1)), 520) + long[:1] + prose(rand.New(rand.NewPCG(1, 1)), 520)), deflate.ErrWindow},
	} {
		for _, dispatch := range []Dispatch{OnLoop, OnGoroutines, Adaptive} {
			for _, fragments := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s/dispatch=%d/fragments=%d", name, dispatch, fragments), func(t *testing.T) {
					var got []string
					r := deflateRig(t, Config{MaxMessageSize: 2000, Dispatch: dispatch, Handlers: Handlers{Message: func(_ *Conn, m Message) {
						got = append(got, m.String())
					}}}, c.params)
					p := newDeflatePeer(t, r)
					r.receive(p.frames(frame.Text, "before", 1, nil))
					r.receive(p.raw(c.op, c.packed, fragments, nil))
					r.receive(text("after"))
					r.end(io.EOF)
					info := r.info()
					if !errors.Is(info.Err, c.want) || info.Sent != c.want.Code {
						t.Errorf("ended with %v, code %v; want %v", info.Err, info.Sent, c.want)
					}
					if len(got) != 1 || got[0] != "before" {
						t.Errorf("delivered %.100q", got)
					}
				})
			}
		}
	}
}

// RFC 7692 6: RSV1 without an agreement, or past the first frame, is a protocol error.
func TestRSV1IsOfTheFirstFrameAndWhatWasAgreed(t *testing.T) {
	bit := func(op frame.Opcode, fin bool) []byte {
		return frame.AppendFrame(nil, frame.Header{Fin: fin, RSV1: true, Opcode: op, Masked: true, MaskingKey: 5}, nil)
	}
	for name, in := range map[string][]byte{
		"continuation": append(bit(frame.Text, false), bit(frame.Continuation, true)...),
		"ping":         bit(frame.Ping, true), "close": bit(frame.Close, true),
	} {
		t.Run(name, func(t *testing.T) {
			r := deflateRig(t, Config{}, takeover)
			r.receive(in)
			r.end(io.EOF)
			expect(t, "code", r.info().Sent, frame.ProtocolError)
		})
	}
	// A loop's receivers serve all its connections, whatever they have agreed on.
	a := deflateRig(t, Config{}, takeover)
	a.receive(text("plain"))
	b := newRig(t, Config{})
	b.loop = a.loop
	b.d.Init(a.loop, a.policy, 8, b.wire, peerAddr)
	b.d.Open(Opening{})
	b.receive(bit(frame.Text, true))
	expect(t, "state of one that has not agreed", b.c.State(), Closing)
	b.d.Abort(nil)
	b.closed, b.ended = 1, 1 // its loop's host is a's
}

// A stream callback gets a compressed message as it comes; what it does not read stops
// inflating, so that memory is bounded however much the message says.
func TestStreamOfACompressedMessageIsBounded(t *testing.T) {
	const size = 8 << 20
	gate := make(chan bool)
	read := make(chan int64, 1)
	r := deflateRig(t, Config{MaxMessageSize: size, QueueBytes: 64 << 10, Handlers: Handlers{Stream: func(_ *Conn, m *Reader) {
		first := make([]byte, 1)
		_, _ = m.Read(first)
		<-gate
		n, err := io.Copy(io.Discard, onlyReader{m})
		if err != nil {
			t.Error(err)
		}
		read <- n + 1
	}}}, noTakeover)
	p := newDeflatePeer(t, r)
	bomb := string(deflate.Compressor{}.Append(nil, make([]byte, size), nil, true))
	r.receive(append(p.raw(frame.Binary, bomb, 2, ping("between")), text("x")...))
	for range 10 {
		r.poll()
		r.turn()
	}
	for i := range r.loop.readBuf {
		r.loop.readBuf[i] = 0xff // it belongs to the loop's other connections too
	}
	if _, n := r.loop.Lent(); n > 64<<10+3*inflateChunk+int64(len(bomb))*3 {
		t.Errorf("%d bytes are held of a message of which a byte was read", n)
	}
	gate <- true
	r.eventually("the message's end", func() bool { return len(read) > 0 })
	if n := <-read; n != size {
		t.Errorf("read %d bytes, want %d", n, size)
	}
	go func() { gate <- true }()
	r.eventually("the next message", func() bool { return len(read) > 0 })
	expect(t, "bytes", <-read, 1)
}

// A bomb is inflated no further than the limit, in one frame or in many.
func TestAttackInflateBomb(t *testing.T) {
	bomb := string(deflate.Compressor{}.Append(nil, make([]byte, 64<<20), nil, true))
	for _, params := range []deflate.Params{takeover, noTakeover} {
		for _, fragments := range []int{1, 100} {
			for name, h := range map[string]Handlers{
				"message": {Message: func(*Conn, Message) { t.Error("the bomb was delivered") }},
				"stream":  {Stream: func(_ *Conn, m *Reader) { _, _ = io.Copy(io.Discard, onlyReader{m}) }},
			} {
				t.Run(fmt.Sprintf("%v/%d/%s", params, fragments, name), func(t *testing.T) {
					r := deflateRig(t, Config{MaxMessageSize: 100_000, Handlers: h}, params)
					p := newDeflatePeer(t, r)
					r.receive(p.raw(frame.Binary, bomb, fragments, nil))
					r.eventually("the fault", func() bool { return r.c.State() != Open })
					r.end(io.EOF)
					expect(t, "code", r.info().Sent, frame.MessageTooBig)
				})
			}
		}
	}
}

// A connection that has agreed keeps nothing until a message is compressed, and without
// context takeover nothing between two.
func TestIdleDeflateConnectionKeepsWhatWasAgreed(t *testing.T) {
	for name, c := range map[string]struct {
		params deflate.Params
		want   int64 // after a long conversation
	}{"no takeover": {noTakeover, 0}, "takeover": {takeover, 2 * 32 << 10}, "nine bits": {nineBits, 2 * 512}} {
		t.Run(name, func(t *testing.T) {
			r := deflateRig(t, Config{Handlers: Handlers{Message: echo}}, c.params)
			p := newDeflatePeer(t, r)
			r.receive(text("plain"))
			r.turn()
			if buffers, _ := r.loop.Lent(); buffers != 0 || r.c.extras != nil {
				t.Errorf("%d buffers before the first compressed message", buffers)
			}
			r.receive(p.frames(frame.Text, prose(rand.New(rand.NewPCG(2, 2)), 400), 1, nil))
			r.turn()
			if _, n := r.loop.Lent(); n > 2*512 {
				t.Errorf("%d bytes after 400", n)
			}
			for i := range 30 {
				r.receive(p.frames(frame.Text, prose(rand.New(rand.NewPCG(2, uint64(i))), 4000), 1, nil))
				r.turn()
			}
			if _, n := r.loop.Lent(); n != c.want {
				t.Errorf("%d bytes in the end, want %d", n, c.want)
			}
			held, _ := r.d.Holding()
			expect(t, "Holding", int64(held), c.want)
		})
	}
}

func TestDeflateTellsWhatWasAgreed(t *testing.T) {
	p := deflate.Params{ServerNoContextTakeover: true, ServerMaxWindowBits: 10}
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		got, ok := deflateRig(t, Config{Role: role}, p).c.Deflate()
		if want := (deflate.Params{ServerNoContextTakeover: true, ServerMaxWindowBits: 10, ClientMaxWindowBits: 15}); !ok || got != want {
			t.Errorf("%v: %v, %t", role, got, ok)
		}
	}
	if _, ok := openRig(t, Config{}).c.Deflate(); ok {
		t.Error("agreed on nothing, and tells something")
	}
}

func TestCompressedMessagesDoNotAllocate(t *testing.T) {
	for name, params := range map[string]deflate.Params{"takeover": takeover, "no takeover": noTakeover, "nine bits": nineBits} {
		for _, size := range []int{300, 5000, 100_000} {
			for _, fragments := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s/size=%d/fragments=%d", name, size, fragments), func(t *testing.T) {
					r := deflateRig(t, Config{Handlers: Handlers{Message: echo}}, params)
					r.wire.out.Grow(1 << 20)
					p := newDeflatePeer(t, r)
					p.outTake = false // so that the same bytes mean the same again
					in := p.frames(frame.Text, prose(rand.New(rand.NewPCG(1, 1)), size), fragments, nil)
					scratch := bytes.Clone(in)
					for range 40 { // until the windows are full
						r.play(in, scratch)
					}
					expectNoAllocs(t, func() { r.play(in, scratch) })
				})
			}
		}
	}
}
