package session

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// BenchmarkDeflateEcho echoes messages that are compressed both ways, beside the same sent
// plain.
func BenchmarkDeflateEcho(b *testing.B) {
	for _, size := range []int{300, 1024, 16384, 131072} {
		for _, kind := range []struct {
			name  string
			agree *deflate.Params
		}{{"plain", nil}, {"alone", &noTakeover}, {"takeover", &takeover}} {
			b.Run(fmt.Sprintf("size=%d/%s", size, kind.name), func(b *testing.B) {
				message := prose(rand.New(rand.NewPCG(1, 1)), size)
				in, r := text(message), (*rig)(nil)
				if kind.agree == nil {
					r = openRig(b, Config{Handlers: Handlers{Message: echo}})
				} else {
					r = deflateRig(b, Config{Handlers: Handlers{Message: echo}}, *kind.agree)
					p := newDeflatePeer(b, r)
					p.outTake = false // so that the same bytes mean the same again
					in = p.frames(frame.Text, message, 1, nil)
				}
				scratch := bytes.Clone(in)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					r.play(in, scratch)
				}
			})
		}
	}
}
