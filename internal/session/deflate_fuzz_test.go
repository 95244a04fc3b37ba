package session

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// FuzzDeflateConnection is FuzzConnection and FuzzDispatch for connections that have
// agreed on compression.
func FuzzDeflateConnection(f *testing.F) {
	for _, params := range []deflate.Params{noTakeover, takeover, nineBits} {
		p := &deflatePeer{t: f, role: frame.Client, outBits: params.ClientMaxWindowBits, outTake: !params.ClientNoContextTakeover}
		orDefault(&p.outBits, deflate.MaxWindowBits)
		rnd := rand.New(rand.NewPCG(1, 1))
		good := slices.Concat(p.frames(frame.Text, "Hello", 1, nil), p.frames(frame.Binary, prose(rnd, 300), 3, ping("x")),
			text("plain"), p.frames(frame.Text, prose(rnd, 300), 1, nil), peerClose(frame.NormalClosure, ""))
		p.out.forget()
		for mode := range uint8(9) {
			f.Add(good, []byte{6}, mode)
		}
	}
	bad := &deflatePeer{t: f, role: frame.Client}
	for _, packed := range []string{"\xff", "\x02\x46\x00", "", "\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
		string(deflate.Compressor{}.Append(nil, make([]byte, 600), nil, true)), string(deflate.Compressor{}.Append(nil, []byte("no UTF-8: \xff"), nil, true))} {
		f.Add(bad.raw(frame.Text, packed, 1, nil), []byte{0}, uint8(0))
		f.Add(bad.raw(frame.Text, packed, 2, ping("x")), []byte{3}, uint8(4))
	}
	var players []*player
	for _, params := range []deflate.Params{noTakeover, takeover, nineBits} {
		for _, p := range []*player{newPlayer(OnLoop, false), newPlayer(OnGoroutines, false), newPlayer(OnGoroutines, true)} {
			p.deflate = &params
			players = append(players, p)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, cuts []byte, mode uint8) {
		p := players[int(mode)%len(players)]
		want := expectedInflated(in, p.stream, p.deflate)
		for _, cuts := range [][]byte{nil, {0}, cuts} {
			got := p.play(t, in, cuts)
			if want.sent = got.sent; want.delivered != got.delivered || want.err != got.err || want.code != got.code {
				checkPlay(t, fmt.Sprintf("cut as %v", cuts), got, want)
			}
		}
	})
}

// expectedInflated is what expected is, but for what is sent.
func expectedInflated(in []byte, stream bool, params *deflate.Params) (want played) {
	var d frame.Decoder
	d.Reset(frame.Server, fuzzLimits)
	d.AllowRSV1(true)
	var f deflate.Inflater
	var x context
	defer x.forget()
	bits := params.ClientMaxWindowBits
	orDefault(&bits, deflate.MaxWindowBits)
	var delivered strings.Builder
	var msg []byte
	var check frame.TextCheck
	in = bytes.Clone(in)
	want.code = frame.AbnormalClosure
	for len(in) > 0 && want.err == nil && want.code == frame.AbnormalClosure {
		ev, n, err := d.Next(in)
		if err != nil {
			want.err = err
			break
		}
		in = in[n:]
		if ev.First && !ev.Opcode.IsControl() {
			msg = msg[:0]
		}
		switch {
		case ev.Opcode == frame.Continuation:
			continue
		case ev.Opcode == frame.Close:
			want.code, _, want.err = frame.ParseClose(ev.Payload)
			continue
		case ev.Opcode.IsControl():
			if !stream {
				fmt.Fprintf(&delivered, "%v %x\n", ev.Opcode, ev.Payload)
			}
			continue
		case !d.RSV1():
			msg = append(msg, ev.Payload...)
		default:
			if ev.First {
				f.Reset(bits)
				check = frame.TextCheck{}
				if params.ClientNoContextTakeover {
					x.forget()
				}
			}
			dst := make([]byte, fuzzLimits.MaxMessageSize+1-int64(len(msg)))
			n, taken, done, err := f.Inflate(dst, ev.Payload, ev.Last, &x.window)
			x.add(&testPool.pool, dst[:n], bits)
			for err == nil && taken < len(ev.Payload) && n < len(dst) { // blocks without content
				var more, also int
				more, also, done, err = f.Inflate(dst[n:], ev.Payload[taken:], ev.Last, &x.window)
				x.add(&testPool.pool, dst[n:n+more], bits)
				n, taken = n+more, taken+also
			}
			if err == deflate.ErrHistory && params.ClientNoContextTakeover {
				err = ErrContextTakeover
			}
			piece := dst[:n]
			if len(msg)+n > int(fuzzLimits.MaxMessageSize) {
				piece, done, err = piece[:n-1], false, frame.ErrMessageTooBig
			}
			if ev.Opcode == frame.Text && check.Accept(piece, done) < len(piece) {
				err = frame.ErrInvalidUTF8
			}
			msg = append(msg, piece...)
			want.err = err
		}
		if ev.Last && want.err == nil {
			fmt.Fprintf(&delivered, "%v %x\n", ev.Opcode, msg)
		}
	}
	if want.err != nil {
		want.code = frame.AbnormalClosure
	}
	want.delivered = delivered.String()
	return want
}
