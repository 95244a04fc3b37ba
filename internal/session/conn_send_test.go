package session

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

func TestControlFramesHaveAReserve(t *testing.T) {
	r := openRig(t, Config{MaxPending: 200, Overflow: OverflowRefuse})
	r.drain(0)
	expect(t, "Send", r.c.Send(Binary, make([]byte, 196)), nil)
	expect(t, "Send", r.c.SendText(""), ErrPendingFull)
	n := 0
	for r.c.Ping(make([]byte, 125)) == nil {
		n++
	}
	expect(t, "pings", n, controlReserve/127)
	expect(t, "Ping", r.c.Ping(make([]byte, 125)), ErrPendingFull)
	expect(t, "Close", r.c.Close(frame.NormalClosure, ""), nil)
	r.drain(-1)
	expect(t, "frames", len(r.sent()), n+2)
}

func TestControlPayloadOver125(t *testing.T) {
	r := openRig(t, Config{})
	expect(t, "Ping", r.c.Ping(make([]byte, 126)), ErrControlTooLong)
	expect(t, "Pong", r.c.Pong(make([]byte, 126)), ErrControlTooLong)
	expect(t, "Ping", r.c.Ping(make([]byte, 125)), nil)
	expect(t, "Pong", r.c.Pong(nil), nil)
	r.turn()
	expect(t, "frames", len(r.sent()), 2)
}

// RFC 6455 5.3: a client masks every frame, with keys that do not repeat.
func TestClientMasksEveryFrame(t *testing.T) {
	r := openRig(t, Config{Role: frame.Client, MaxPending: 2 << 20, Handlers: Handlers{Message: echo}})
	long := strings.Repeat("long", 100_000)
	_ = r.c.SendText("short")
	_ = r.c.SendText(long)
	_ = r.c.Ping([]byte("ping"))
	w, _ := r.c.NewWriter(Binary)
	_, _ = w.Write([]byte("part"))
	_ = w.Flush()
	_ = w.Close()
	r.receive(frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: Text}, []byte("from the server")))
	r.receive(frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: frame.Ping}, []byte("x")))
	for range 200 {
		_ = r.c.SendText("again")
	}
	_ = r.c.Close(frame.NormalClosure, "bye")
	r.turn()

	keys := map[uint32]bool{}
	b := r.wire.out.Bytes()
	for rest := b; len(rest) > 0; {
		h, n, err := frame.DecodeHeader(rest)
		if err != nil || !h.Masked {
			t.Fatalf("header %+v, %v", h, err)
		}
		keys[uint32(h.MaskingKey)] = true
		rest = rest[n+int(h.PayloadLen):]
	}
	var got []string
	var dec frame.Decoder
	var asm frame.Assembler
	dec.Reset(frame.Server, frame.Limits{MaxMessageSize: 1 << 20})
	for len(b) > 0 {
		ev, n, err := dec.Next(b)
		if err != nil {
			t.Fatal(err)
		}
		b = b[n:]
		if msg, whole := asm.Add(ev); whole {
			got = append(got, string(msg.Payload))
		}
	}
	expect(t, "messages", len(got), 5+2+200)
	expect(t, "keys", len(keys), 6+2+200)
	for i, want := range []string{"short", long, "ping", "part", "from the server", "x", "again"} {
		if got[i] != want {
			t.Errorf("message %d is altered", i)
		}
	}
}

// What a frame takes of MaxPending is counted before there is one.
func TestFrameSizeIsThatOfTheFrame(t *testing.T) {
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		r := openRig(t, Config{Role: role})
		for _, n := range []int{0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 1 << 20} {
			h := frame.Header{Fin: true, Opcode: Binary, PayloadLen: int64(n), Masked: role == frame.Client, MaskingKey: 1}
			want := len(frame.AppendHeader(nil, h)) + n
			if got := r.c.frameSize(n); got != want {
				t.Errorf("%v, %d bytes: %d, want %d", role, n, got, want)
			}
		}
	}
}

func TestSendRefusesOtherTypes(t *testing.T) {
	r := openRig(t, Config{})
	for _, op := range []frame.Opcode{frame.Continuation, 3, frame.Close, frame.Ping, frame.Pong, 255} {
		expect(t, "Send", r.c.Send(op, nil), ErrMessageType)
		if _, err := r.c.NewWriter(op); !errors.Is(err, ErrMessageType) {
			t.Errorf("NewWriter: %v", err)
		}
	}
}

func TestSendByTypeOfValue(t *testing.T) {
	r := openRig(t, Config{})
	_ = r.c.SendText("text")
	_ = r.c.SendBinary([]byte("binary"))
	_ = r.c.Send(Text, []byte("named"))
	_ = r.c.Send(Binary, []byte("blob"))
	_ = r.c.SendText("")
	_ = r.c.SendBinary(nil)
	r.turn()
	want := []sentFrame{{Text, true, "text"}, {Binary, true, "binary"}, {Text, true, "named"},
		{Binary, true, "blob"}, {Text, true, ""}, {Binary, true, ""}}
	got := r.sent()
	expect(t, "frames", len(got), len(want))
	for i := range got {
		expect(t, "frame", got[i], want[i])
	}
}

// A large payload that the transport takes is not copied; what it does not take is.
func TestLargePayloadIsNotCopied(t *testing.T) {
	r := openRig(t, Config{})
	_ = r.c.SendText("before")
	_ = r.c.Send(Binary, make([]byte, 200_000))
	expect(t, "writes", r.wire.writes, 1)
	if n, _ := r.loop.Lent(); n != 0 {
		t.Errorf("%d buffers lent", n)
	}
	r.turn()
	r.drain(100_000)
	_ = r.c.Send(Binary, bytes.Repeat([]byte("0123456789"), 20_000))
	expect(t, "pending", r.c.Pending(), 100_010)
	r.turn()
	r.drain(-1)
	got := r.sent()
	if len(got) != 3 || got[2].payload != strings.Repeat("0123456789", 20_000) {
		t.Errorf("%d frames sent", len(got))
	}
}
