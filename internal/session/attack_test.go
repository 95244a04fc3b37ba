package session

import (
	"bytes"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

// What worked on others, against a connection. SECURITY.md lists it all.

// CVE-2020-35896: a peer that asks and never reads the answers.
func TestAttackPeerNeverReads(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Message: echo}})
	r.drain(0)
	ask := text(strings.Repeat("x", 1000))
	for range 4 << 10 { // 4 MiB of answers
		r.receive(ask)
		if n := r.c.Pending(); n > DefaultMaxPending+controlReserve {
			t.Fatalf("%d bytes pending", n)
		}
	}
	expect(t, "read interest", r.read, false)
	r.wire.in = nil
	r.advance(DefaultWriteTimeout * 2)
	expect(t, "state", r.c.State(), Closed)
}

// Pongs that nobody asked for, twice the same, and after the Close frame.
func TestAttackPongs(t *testing.T) {
	var got []string
	r := openRig(t, Config{Handlers: Handlers{Pong: func(_ *Conn, p []byte) { got = append(got, string(p)) }}})
	pongs := slices.Concat(peer(frame.Pong, true, "unasked"), peer(frame.Pong, true, "a"), peer(frame.Pong, true, "a"))
	_ = r.c.Ping([]byte("a"))
	r.turn()
	r.receive(pongs)
	expect(t, "callbacks", strings.Join(got, " "), "unasked a a")
	expect(t, "state", r.c.State(), Open)
	expect(t, "frames sent", len(r.sent()), 1)

	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	r.receive(pongs)
	r.receive(peerClose(frame.NormalClosure, ""))
	r.receive(pongs)
	r.end(nil)
	expect(t, "frames sent from Close on", len(r.sent()), 1)
	if info := r.info(); !info.Clean() {
		t.Error(info)
	}
}

// CVE-2016-10542: no limit but that of the program, which set none.
func TestAttackNoLimitIsSet(t *testing.T) {
	claim := func(n int64) []byte {
		return frame.AppendHeader(nil, frame.Header{Fin: true, Opcode: frame.Binary, Masked: true, PayloadLen: n})
	}
	for _, n := range []int64{DefaultMaxMessageSize + 1, math.MaxInt32, math.MaxInt64} {
		r := openRig(t, Config{})
		r.receive(claim(n))
		r.expectClose(frame.MessageTooBig, frame.ErrMessageTooBig.Rule)
	}
	r := openRig(t, Config{})
	r.receive(claim(DefaultMaxMessageSize))
	expect(t, "state at the limit", r.c.State(), Open)
}

// CVE-2016-10518: memory of others in a frame. Queues and their buffers are lent
// again and again; what lay in them must not leave.
func TestAttackNoOldBytesInAFrame(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Message: echo}})
	r.receive(text(strings.Repeat("secret ", 5000)))
	r.drain(0)
	_ = r.c.SendText(strings.Repeat("secret ", 5000))
	r.turn()
	r.drain(-1)
	r.wire.out.Reset()

	_ = r.c.Ping(nil)
	_ = r.c.Pong(make([]byte, frame.MaxControlPayload))
	_ = r.c.SendBinary(make([]byte, 3000))
	_ = r.c.SendText("")
	r.receive(peer(frame.Ping, true, ""))
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	out := r.wire.output()
	if i := bytes.Index([]byte(out), []byte("secret")); i >= 0 || len(out) < 3000 {
		t.Errorf("%d bytes were sent, old ones from %d on", len(out), i)
	}
}

// The masking keys of a client can be guessed: RFC 6455 10.3. Each bit of a key is
// set in about half of them, and differs from the key before in about half.
func TestAttackClientMaskIsGuessed(t *testing.T) {
	r := openRig(t, Config{Role: frame.Client})
	const n = 4096
	for range n {
		_ = r.c.SendText("")
	}
	r.turn()
	var set, flipped [32]int
	before := uint32(0)
	for out := []byte(r.wire.output()); len(out) > 0; {
		h, size, err := frame.DecodeHeader(out)
		if err != nil || !h.Masked {
			t.Fatalf("%+v, %v", h, err)
		}
		out = out[size:]
		key := uint32(h.MaskingKey)
		for rest := key; rest != 0; rest &= rest - 1 {
			set[bits.TrailingZeros32(rest)]++
		}
		for rest := key ^ before; rest != 0; rest &= rest - 1 {
			flipped[bits.TrailingZeros32(rest)]++
		}
		before = key
	}
	for bit := range 32 {
		// 12 standard deviations off the mean.
		if d := max(set[bit]-n/2, n/2-set[bit], flipped[bit]-n/2, n/2-flipped[bit]); d > 12*32 {
			t.Errorf("bit %d is set in %d of %d keys and changes in %d", bit, set[bit], n, flipped[bit])
		}
	}
}
