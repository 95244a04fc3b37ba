package interop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
)

var maskingKey = [4]byte{0xa1, 0x0b, 0xff, 0x37}

// rawConn is a client that sends whatever bytes a test has.
type rawConn struct {
	*net.TCPConn
	t *testing.T
}

func dialRaw(t *testing.T, r *running) rawConn {
	t.Helper()
	c := connect(t, r)
	c.must(wire.Handshake(c, r.addr, "/"))
	return c
}

func connect(t *testing.T, r *running) rawConn {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	raw := rawConn{c.(*net.TCPConn), t}
	raw.must(c.SetDeadline(time.Now().Add(patience)))
	return raw
}

func (c rawConn) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c rawConn) write(p []byte) {
	c.t.Helper()
	_, err := c.Write(p)
	c.must(err)
}

// message reads one message, which may come in fragments, and skips pongs.
func (c rawConn) message() (opcode byte, payload []byte, err error) {
	for first := true; ; {
		final, got, part, err := wire.ReadFrame(c)
		switch {
		case err != nil:
			return 0, nil, err
		case got == wire.Pong:
			continue
		case got == wire.Close:
			return 0, nil, closeError(part)
		case first:
			opcode = got
		case got != wire.Continuation:
			return 0, nil, fmt.Errorf("opcode %d inside a message", got)
		}
		first = false
		payload = append(payload, part...)
		if final {
			return opcode, payload, nil
		}
	}
}

// upTo reads frames until one is the last, and returns the data among them.
func (c rawConn) upTo(last func(final bool, opcode byte, payload []byte) bool) (data string) {
	c.t.Helper()
	for {
		final, opcode, payload, err := wire.ReadFrame(c)
		c.must(err)
		if opcode < wire.Close {
			data += string(payload)
		}
		if last(final, opcode, payload) {
			return data
		}
	}
}

// closeError is a Close frame's payload.
type closeError []byte

func (e closeError) Error() string { return fmt.Sprintf("closed with %d %q", e.code(), []byte(e)) }

func (e closeError) code() int {
	if len(e) < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(e))
}

func (c rawConn) expectMessage(opcode byte, payload string) {
	c.t.Helper()
	got, p, err := c.message()
	c.must(err)
	if got != opcode || string(p) != payload {
		c.t.Fatalf("opcode %d, %q; want %d, %q", got, p, opcode, payload)
	}
}

// expectClose reads up to a Close frame and then to the end of the stream, which
// a server that gives up on its client ends by itself (RFC 6455 7.1.7).
func (c rawConn) expectClose(code int) {
	c.t.Helper()
	for {
		_, opcode, payload, err := wire.ReadFrame(c)
		c.must(err)
		if opcode != wire.Close {
			continue
		}
		if got := closeError(payload).code(); got != code {
			c.t.Fatalf("close code %d, want %d", got, code)
		}
		break
	}
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		c.t.Fatalf("behind the Close: %d bytes, %v", n, err)
	}
}

func frameOf(final bool, opcode byte, payload string) []byte {
	return wire.AppendFrame(nil, final, opcode, maskingKey, []byte(payload))
}

func TestFramesGluedToTheHandshake(t *testing.T) {
	each(t, func(t *testing.T, m mode) {
		r := startEcho(t, m)
		c := connect(t, r)
		input := wire.Request(r.addr, "/")
		input = append(input, frameOf(true, wire.Text, "early")...)
		input = append(input, frameOf(true, wire.Binary, "bird")...)
		c.write(input)
		c.must(wire.ReadResponse(c))
		c.expectMessage(wire.Text, "early")
		c.expectMessage(wire.Binary, "bird")
	})
}

func TestOneByteAtATime(t *testing.T) {
	each(t, func(t *testing.T, m mode) {
		r := startEcho(t, m)
		c := connect(t, r)
		c.must(c.SetNoDelay(true))
		input := wire.Request(r.addr, "/")
		input = append(input, frameOf(true, wire.Text, string(text(200)))...)
		for i := range input {
			c.write(input[i : i+1])
		}
		c.must(wire.ReadResponse(c))
		c.expectMessage(wire.Text, string(text(200)))
	})
}

func TestManyMessagesInOneSegment(t *testing.T) {
	each(t, func(t *testing.T, m mode) {
		c := dialRaw(t, startEcho(t, m))
		var input []byte
		for i := range 500 {
			input = append(input, frameOf(true, wire.Text, fmt.Sprint("message ", i))...)
		}
		c.write(input)
		for i := range 500 {
			c.expectMessage(wire.Text, fmt.Sprint("message ", i))
		}
	})
}

// RFC 6455 5.4 and 5.5: fragments may be empty, may cut through a character,
// and may have pings between them, answered without waiting for the last.
func TestFragmentsCutThroughCharacters(t *testing.T) {
	each(t, func(t *testing.T, m mode) {
		c := dialRaw(t, startEcho(t, m))
		c.write(frameOf(false, wire.Text, ""))
		c.write(frameOf(false, wire.Continuation, "\xf0\x9f"))
		c.write(frameOf(true, wire.Ping, "in between"))
		// A streamed echo may have begun before the pong; a whole one may not.
		got := c.upTo(func(final bool, opcode byte, payload []byte) bool {
			if final && opcode != wire.Pong {
				t.Fatalf("opcode %d, %q before the pong", opcode, payload)
			}
			return opcode == wire.Pong && string(payload) == "in between"
		})
		c.write(frameOf(false, wire.Continuation, "\x98"))
		c.write(frameOf(false, wire.Continuation, ""))
		c.write(frameOf(true, wire.Continuation, "\x80"))
		got += c.upTo(func(final bool, _ byte, _ []byte) bool { return final })
		if got != "\U0001f600" {
			t.Errorf("%q", got)
		}
	})
}

func TestViolationsCloseWithTheirCode(t *testing.T) {
	tooBig := append([]byte{0x82, 0xff}, binary.BigEndian.AppendUint64(nil, maxMessage+1)...)
	tooBig = append(tooBig, maskingKey[:]...)
	violations := []struct {
		name  string
		input []byte
		code  int
	}{
		{"unmasked", []byte{0x81, 1, 'a'}, 1002},
		{"rsv1", []byte{0xc1, 0x80, 0, 0, 0, 0}, 1002},
		{"reserved_opcode", []byte{0x83, 0x80, 0, 0, 0, 0}, 1002},
		{"length_not_minimal", append([]byte{0x81, 0xfe, 0, 1}, 0, 0, 0, 0, 'a'), 1002},
		{"length_top_bit", []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1002},
		{"ping_over_125", append([]byte{0x89, 0xfe, 0, 126}, make([]byte, 130)...), 1002},
		{"ping_fragmented", frameOf(false, wire.Ping, ""), 1002},
		{"continuation_of_nothing", frameOf(true, wire.Continuation, "a"), 1002},
		{"message_inside_a_message", append(frameOf(false, wire.Text, "a"), frameOf(true, wire.Text, "b")...), 1002},
		{"close_of_1_byte", frameOf(true, wire.Close, "\x03"), 1002},
		{"close_with_1005", frameOf(true, wire.Close, "\x03\xed"), 1002},
		{"close_reason_not_utf8", frameOf(true, wire.Close, "\x03\xe8\xff"), 1007},
		{"text_not_utf8", frameOf(true, wire.Text, "ok \xc0\xaf"), 1007},
		{"text_ends_inside_a_character", frameOf(true, wire.Text, "\xe2\x82"), 1007},
		{"over_the_limit", tooBig, 1009},
	}
	each(t, func(t *testing.T, m mode) {
		r := startEcho(t, m)
		for _, v := range violations {
			t.Run(v.name, func(t *testing.T) {
				c := dialRaw(t, r)
				c.write(v.input)
				c.expectClose(v.code)
				c.must(c.Close())
				info := nextClose(t, r)
				if int(info.Sent) != v.code || info.Err == nil {
					t.Errorf("the server saw %v, error %v", info, info.Err)
				}
			})
		}
	})
}

// RFC 6455 5.5.1: nothing counts behind a Close.
func TestDataBehindACloseIsDropped(t *testing.T) {
	each(t, func(t *testing.T, m mode) {
		c := dialRaw(t, startEcho(t, m))
		input := frameOf(true, wire.Text, "before")
		input = append(input, frameOf(true, wire.Close, "\x03\xe8")...)
		input = append(input, frameOf(true, wire.Text, "behind")...)
		c.write(input)
		c.expectMessage(wire.Text, "before")
		if _, payload, err := c.message(); err == nil {
			t.Fatalf("%q behind the Close", payload)
		} else if end, ok := errors.AsType[closeError](err); !ok || end.code() != 1000 {
			t.Fatal(err)
		}
	})
}

// RFC 6455 7.1.7: a stream that ends without a Close is an abnormal closure,
// but what came before its end counts.
func TestHalfClosedClientGetsItsEcho(t *testing.T) {
	each(t, func(t *testing.T, m mode) {
		r := startEcho(t, m)
		c := dialRaw(t, r)
		c.write(frameOf(true, wire.Text, "last words"))
		c.must(c.CloseWrite())
		c.expectMessage(wire.Text, "last words")
		if info := nextClose(t, r); info.Received != 1006 || info.Clean() {
			t.Errorf("the server saw %v", info)
		}
	})
}

func TestResetInsideAMessageClosesOnce(t *testing.T) {
	each(t, func(t *testing.T, m mode) {
		r := startEcho(t, m)
		for range 20 {
			c := dialRaw(t, r)
			c.write(frameOf(true, wire.Binary, string(make([]byte, 3000)))[:2000])
			c.must(c.SetLinger(0))
			c.must(c.Close())
			if info := nextClose(t, r); info.By != conn.Nobody || info.Err == nil {
				t.Errorf("the server saw %v", info)
			}
		}
		select {
		case info := <-r.closes:
			t.Errorf("one close too many: %v", info)
		default:
		}
	})
}
