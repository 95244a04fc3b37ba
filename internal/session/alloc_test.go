package session

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/allocs"
)

// expectNoAllocs runs f often, after a first time for what is made once and kept.
func expectNoAllocs(t *testing.T, f func()) {
	t.Helper()
	if allocates {
		t.Skip("the race detector allocates")
	}
	f()
	if n := allocs.PerRun(100, f); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// play gives the connection a copy of what the peer sends, until it is read.
func (r *rig) play(in, scratch []byte) {
	copy(scratch, in)
	r.wire.in = scratch[:len(in)]
	for len(r.wire.in) > 0 {
		r.d.Readable()
	}
	r.wire.out.Reset()
}

func TestReceivingAndEchoingDoNotAllocate(t *testing.T) {
	shapes := map[string][]byte{
		"ping":      peer(frame.Ping, true, "ping"),
		"pong":      peer(frame.Pong, true, "pong"),
		"several":   append(append(text("a"), peer(frame.Ping, true, "b")...), text("c")...),
		"fragments": append(append(peer(frame.Text, false, "a"), peer(frame.Ping, true, "b")...), peer(frame.Continuation, true, "c")...),
	}
	for _, size := range []int{0, 1, 125, 126, 5000, 65535, 70_000, 1 << 20} {
		shapes[fmt.Sprintf("text/size=%d", size)] = text(strings.Repeat("x", size))
		shapes[fmt.Sprintf("binary/size=%d", size)] = peer(frame.Binary, true, strings.Repeat("\xff", size))
	}
	for name, in := range shapes {
		for _, chunk := range []int{0, 1000} {
			for _, taken := range []string{"all", "part"} {
				t.Run(fmt.Sprintf("%s/chunk=%d/taken=%s", name, chunk, taken), func(t *testing.T) {
					r := openRig(t, Config{MaxMessageSize: 1 << 20, MaxPending: 4 << 20, Handlers: Handlers{
						Message: echo, Pong: func(*Conn, []byte) {},
					}})
					r.wire.chunk = chunk
					r.wire.out.Grow(4 << 20)
					scratch := make([]byte, len(in))
					expectNoAllocs(t, func() {
						if taken == "part" { // the transport refuses most of it at first
							r.wire.room = 100
						}
						r.play(in, scratch)
						r.wire.room = -1
						if r.write {
							r.d.Writable()
							r.wire.out.Reset()
						}
					})
				})
			}
		}
	}
}

func TestSendingDoesNotAllocate(t *testing.T) {
	long, hello := strings.Repeat("x", 100_000), []byte("hello")
	for what, send := range map[string]func(c *Conn) error{
		"text":       func(c *Conn) error { return c.Send(Text, hello) },
		"binary":     func(c *Conn) error { return c.SendBinary(hello) },
		"long":       func(c *Conn) error { return c.SendText(long) },
		"string":     func(c *Conn) error { return c.SendText("hello") },
		"as it says": func(c *Conn) error { return c.sendAs(Outgoing{Type: Text, Payload: hello, Uncompressed: true}) },
		"ping":       func(c *Conn) error { return c.Ping(hello) },
		"pong":       func(c *Conn) error { return c.Pong(hello) },
		"refused":    func(c *Conn) error { return c.Send(99, nil) },
	} {
		for _, role := range []frame.Role{frame.Server, frame.Client} {
			t.Run(fmt.Sprintf("%s/%v", what, role), func(t *testing.T) {
				r := openRig(t, Config{Role: role})
				r.wire.out.Grow(1 << 20)
				expectNoAllocs(t, func() {
					_ = send(r.c)
					r.turn()
					r.wire.out.Reset()
				})
			})
		}
	}
}

func TestBroadcastDoesNotAllocate(t *testing.T) {
	var rigs []*rig
	for range 50 {
		r := openRig(t, Config{})
		r.wire.out.Grow(1 << 16)
		rigs = append(rigs, r)
	}
	expectNoAllocs(t, func() {
		for _, r := range rigs {
			_ = r.c.SendText("to everybody")
		}
		for _, r := range rigs {
			r.turn()
			r.wire.out.Reset()
		}
	})
}

func TestHeartbeatDoesNotAllocate(t *testing.T) {
	r := openRig(t, Config{})
	pong := peer(frame.Pong, true, "")
	scratch := make([]byte, len(pong))
	expectNoAllocs(t, func() {
		r.advance(DefaultIdleTimeout / 2)
		r.play(pong, scratch)
	})
}

// On goroutines a whole message costs none either: the goroutine's start does not
// allocate, its payload is in a pooled buffer. Nor does one that runs on the loop and may lose it.
func TestGoroutineDispatchDoesNotAllocate(t *testing.T) {
	for _, dispatch := range []Dispatch{OnGoroutines, Adaptive} {
		answered := make(chan bool, 1)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
			Message: func(c *Conn, m Message) { echo(c, m); answered <- true },
		}})
		r.loop.Succeed = func() {}
		r.wire.out.Grow(1 << 20)
		in := text(strings.Repeat("x", 1000))
		scratch := make([]byte, len(in))
		if allocates {
			t.Skip("the race detector allocates")
		}
		once := func() {
			r.play(in, scratch)
			<-answered
			for r.c.queued() || len(r.scheduled) > 0 {
				r.turn()
				time.Sleep(time.Microsecond)
			}
		}
		once()
		if n := allocs.PerRun(100, once); n > 0 {
			t.Errorf("dispatch %d: %v allocations", dispatch, n)
		}
	}
}

// A message that is streamed costs its Reader, which a program may keep for longer
// than it lives.
func TestStreamAllocatesItsReaderOnly(t *testing.T) {
	answered := make(chan bool, 1)
	p := make([]byte, 2000)
	r := openRig(t, Config{Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
		for {
			if _, err := m.Read(p); err == io.EOF {
				break
			}
		}
		answered <- true
	}}})
	in := text(strings.Repeat("x", 1000))
	scratch := make([]byte, len(in))
	if allocates {
		t.Skip("the race detector allocates")
	}
	once := func() {
		r.play(in, scratch)
		<-answered
		for r.c.queued() {
			time.Sleep(time.Microsecond)
		}
	}
	once()
	if n := allocs.PerRun(100, once); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// What an idle connection takes is what a server holds 100,000s of.
func TestConnIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Driver{}); unsafe.Sizeof(uintptr(0)) == 8 && size > 160 {
		t.Errorf("a connection takes %d bytes", size)
	}
}
