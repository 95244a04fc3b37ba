package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

var (
	takeover   = deflate.Params{}
	noTakeover = deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}
	nineBits   = deflate.Params{ServerMaxWindowBits: 9, ClientMaxWindowBits: 9}
)

// deflateRig is a rig with an open connection that has agreed on p.
func deflateRig(t testing.TB, cfg Config, p deflate.Params) *rig {
	r := newRig(t, cfg)
	r.d.Open(Opening{Response: []byte("HTTP/1.1 101\r\n\r\n"), Deflate: &p})
	r.eventually("the Open callback's end", func() bool { return !r.c.held() && r.read })
	r.wire.out.Reset()
	return r
}

// deflatePeer is the other endpoint, with exactly the windows that were agreed on.
type deflatePeer struct {
	t        testing.TB
	role     frame.Role
	dec      frame.Decoder
	inflater deflate.Inflater
	bits     int // of the connection's own direction
	takeover bool

	in, out context // what the connection has said, and what this peer has
	outBits int
	outTake bool

	msg  []byte
	rsv1 int // compressed messages that it has got
}

// newDeflatePeer is the peer of r's connection.
func newDeflatePeer(t testing.TB, r *rig) *deflatePeer {
	a := r.c.agreement()
	p := &deflatePeer{t: t, bits: a.window(), takeover: a.takeover(), outBits: a.peerWindow(), outTake: a.peerTakeover()}
	p.role = frame.Client
	if r.policy.config.Role == frame.Client {
		p.role = frame.Server
	}
	p.dec.Reset(p.role, frame.Limits{MaxMessageSize: 1 << 30})
	p.dec.AllowRSV1(true)
	t.Cleanup(func() { p.in.forget(); p.out.forget() })
	return p
}

// take takes what the connection has sent and is the messages that are whole with it.
func (p *deflatePeer) take(b []byte) (messages []string) {
	p.t.Helper()
	for len(b) > 0 {
		ev, n, err := p.dec.Next(b)
		if err != nil {
			p.t.Fatalf("sent frames that are wrong: %v", err)
		}
		b = b[n:]
		if ev.Opcode != Text && ev.Opcode != Binary {
			continue
		}
		if ev.First {
			p.msg = p.msg[:0]
			p.inflater.Reset(p.bits)
			if !p.takeover {
				p.in.forget()
			}
			if p.dec.RSV1() {
				p.rsv1++
			}
		}
		if p.dec.RSV1() {
			p.inflate(ev.Payload, ev.Last)
		} else {
			p.msg = append(p.msg, ev.Payload...)
		}
		if ev.Last {
			messages = append(messages, string(p.msg))
		}
	}
	return messages
}

var testPool = new(Loop) // for its buffers

func (p *deflatePeer) inflate(src []byte, last bool) {
	p.t.Helper()
	dst := make([]byte, 4<<10)
	for {
		n, taken, done, err := p.inflater.Inflate(dst, src, last, &p.in.window)
		if err != nil {
			p.t.Fatalf("sent a message that cannot be inflated: %v", err)
		}
		src = src[taken:]
		p.msg = append(p.msg, dst[:n]...)
		p.in.add(&testPool.pool, dst[:n], p.bits)
		if done || len(src) == 0 && n < len(dst) {
			if last && !done {
				p.t.Fatal("sent a message that has no end")
			}
			return
		}
	}
}

// frames is a message as this peer sends it: compressed, in so many fragments, with what
// is to stand between them.
func (p *deflatePeer) frames(op frame.Opcode, payload string, fragments int, between []byte) (b []byte) {
	var history *deflate.Window
	if p.outTake {
		history = &p.out.window
	}
	packed := deflate.Compressor{WindowBits: p.outBits}.Append(nil, []byte(payload), history, true)
	p.out.add(&testPool.pool, []byte(payload), p.outBits)
	return p.raw(op, string(packed), fragments, between)
}

// raw is a message of that payload with RSV1, in so many fragments.
func (p *deflatePeer) raw(op frame.Opcode, packed string, fragments int, between []byte) (b []byte) {
	rsv1 := true
	for i := range fragments {
		part := packed[:len(packed)/(fragments-i)]
		packed = packed[len(part):]
		h := frame.Header{Fin: i == fragments-1, RSV1: rsv1, Opcode: op}
		if p.role == frame.Client {
			h.Masked, h.MaskingKey = true, 0x12345678
		}
		b = frame.AppendFrame(b, h, []byte(part))
		if i < fragments-1 {
			b = append(b, between...)
		}
		op, rsv1 = frame.Continuation, false
	}
	return b
}

// prose is n bytes of text that compresses, some of it what was said before.
func prose(rnd *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, `{"user":"user-%d","room":%d,"says":"%x"} `, rnd.IntN(50), rnd.IntN(9), rnd.Uint32()>>uint(rnd.IntN(32)))
	}
	return b.String()[:n]
}
