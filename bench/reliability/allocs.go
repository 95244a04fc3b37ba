//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// allocsCommand sends a server every shape of valid input, over and over, and asks it
// how much it has allocated. Broken, the program copies each message.
type allocsCommand struct {
	scale
	upgrading
	Count int   `default:"20000" help:"Times that each shape is sent, unless it comes to more than Bytes."`
	Bytes int64 `default:"200000000" help:"The most that a shape may come to."`
}

// allocsTries is how often a shape is measured until nothing was allocated for it. What each
// message allocates is there every time; what is made once, as a goroutine that is kept for
// the next callback, is not.
const allocsTries = 10

// inputShape is something that a client may send, with the length of the answer.
type inputShape struct {
	name     string
	input    []byte
	messages int // in the input; 0: one
	answer   int
	piece    int // bytes of each write; 0: all in one
	deflate  bool
}

var errRaceDetector = errors.New("the race detector allocates too: go run ./bench/reliability allocs")

func (b *allocsCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if raceDetector {
		return errRaceDetector
	}
	if b.Short {
		b.Count, b.Bytes = 1000, 20e6
	}
	v := new(verdict)
	shapes := inputShapes()
	messages := 0
	for _, dispatch := range b.dispatches() {
		set := setup{Program: either(b.scale, "echo", "copy"), Exact: true, Dispatch: dispatch, Deflate: server.Deflate{Enabled: true}, Limits: server.Limits{Limits: conn.Limits{MaxPending: 4 << 20,
			MessagesPerSecond: -1, ControlFramesPerSecond: -1, CompressionPerSecond: -1}}} // this client is faster than any should be
		err := withServer(ctx, v, set, func(p *process) error {
			for _, shape := range shapes {
				n, sent, err := b.least(ctx, p, shape)
				if err != nil {
					return fmt.Errorf("%s: %w", shape.name, err)
				}
				v.expect(n == 0, "%s, dispatch %d: %d allocations for %d messages, %d times over", shape.name, dispatch, n, sent, allocsTries)
				messages += sent
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return v.finish("%d shapes of valid input, callbacks in each of three ways, %d messages: no allocation", len(shapes), messages)
}

// least measures a shape until nothing was allocated, or tries are over.
func (b *allocsCommand) least(ctx context.Context, p *process, shape inputShape) (allocations int64, messages int, err error) {
	for range allocsTries {
		if allocations, messages, err = b.measure(ctx, p, shape); err != nil || allocations == 0 {
			break
		}
	}
	return allocations, messages, err
}

func (b *allocsCommand) measure(ctx context.Context, p *process, shape inputShape) (allocations int64, messages int, err error) {
	c, err := b.open(ctx, p, &shape)
	if err != nil {
		return 0, 0, err
	}
	defer c.reset()
	count := int(min(int64(b.Count), b.Bytes/int64(len(shape.input)+shape.answer)))
	if shape.piece > 0 {
		count = min(count, b.Count/10) // each piece is a system call, for both sides
	}
	// What has been pooled by now is there for the rest.
	if err := c.repeat(shape, 10+count/10); err != nil {
		return 0, 0, err
	}
	// The account of an idle server is the price of asking for one.
	var accounts [3]stats
	for i := range accounts {
		if i == 2 {
			if err := c.repeat(shape, count); err != nil {
				return 0, 0, err
			}
		}
		if accounts[i], err = p.glance(); err != nil {
			return 0, 0, err
		}
	}
	asking := accounts[1].Mallocs - accounts[0].Mallocs
	return max(0, accounts[2].Mallocs-accounts[1].Mallocs-asking), count * max(1, shape.messages), nil
}

// open opens a connection for a shape, and finds out how long the answer is if it is
// compressed: always the same, since no message refers to another.
func (b *allocsCommand) open(ctx context.Context, p *process, shape *inputShape) (*client, error) {
	if !shape.deflate {
		return open(ctx, p.addr, "/")
	}
	c, err := connect(ctx, p.addr)
	if err != nil {
		return nil, err
	}
	if _, err := wire.HandshakeOffering(c.Conn, p.addr, "/", wire.Offer); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if _, err := c.Write(shape.input); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	_, _, payload, err := wire.ReadFrame(c.in)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	shape.answer = answerLen(len(payload))
	return c, nil
}

// repeat sends a shape n times, each time with all of the answer.
func (c *client) repeat(shape inputShape, n int) error {
	for range n {
		if err := c.extend(patience); err != nil {
			return err
		}
		piece := shape.piece
		if piece == 0 {
			piece = len(shape.input)
		}
		for rest := shape.input; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			if _, err := c.Write(rest[:min(piece, len(rest))]); err != nil {
				return err
			}
		}
		if _, err := io.CopyN(io.Discard, c.in, int64(shape.answer)); err != nil {
			return err
		}
	}
	return nil
}

// inputShapes are all that a client may send, but for Close.
func inputShapes() (shapes []inputShape) {
	key := [4]byte{0x9d, 0x02, 0x5c, 0xe1}
	frame := func(final bool, opcode byte, payload string) []byte {
		return wire.AppendFrame(nil, final, opcode, key, []byte(payload))
	}
	add := func(name string, answer int, frames ...[]byte) {
		shapes = append(shapes, inputShape{name: name, input: bytes.Join(frames, nil), answer: answer})
	}
	for _, size := range []int{0, 1, 125, 126, 1000, 65535, 65536, 256 << 10} {
		add(fmt.Sprintf("text of %d bytes", size), answerLen(size), frame(true, wire.Text, strings.Repeat("t", size)))
		add(fmt.Sprintf("binary of %d bytes", size), answerLen(size), frame(true, wire.Binary, strings.Repeat("\xff", size)))
	}
	long := strings.Repeat("aé€😀", 100)
	add("text beyond ASCII", answerLen(len(long)), frame(true, wire.Text, long))
	for _, size := range []int{0, 4, 125} {
		add(fmt.Sprintf("ping of %d bytes", size), answerLen(size), frame(true, wire.Ping, strings.Repeat("p", size)))
	}
	ping := frame(true, wire.Ping, "")
	add("pong nobody asked for", 2, frame(true, wire.Pong, "unasked"), ping)
	add("fragments", answerLen(3), frame(false, wire.Text, "a"), frame(false, wire.Continuation, "b"), frame(true, wire.Continuation, "c"))
	add("empty fragments", answerLen(0), frame(false, wire.Binary, ""), frame(false, wire.Continuation, ""), frame(true, wire.Continuation, ""))
	add("fragments with a ping between", answerLen(2)+2, frame(false, wire.Text, "a"), ping, frame(true, wire.Continuation, "b"))
	add("fragments within a character", answerLen(4), frame(false, wire.Text, "\xf0\x9f"), frame(true, wire.Continuation, "\x98\x80"))
	add("large fragments", answerLen(150000), frame(false, wire.Binary, strings.Repeat("f", 70000)), frame(true, wire.Continuation, strings.Repeat("g", 80000)))
	add("50 messages at once", 50*answerLen(20), bytes.Repeat(frame(true, wire.Text, strings.Repeat("m", 20)), 50))
	shapes[len(shapes)-1].messages = 50
	add("messages and pings at once", 30*(answerLen(20)+2), bytes.Repeat(append(frame(true, wire.Text, strings.Repeat("m", 20)), ping...), 30))
	shapes[len(shapes)-1].messages = 30
	add("20 messages of 10,000 bytes at once", 20*answerLen(10000), bytes.Repeat(frame(true, wire.Binary, strings.Repeat("m", 10000)), 20))
	shapes[len(shapes)-1].messages = 20
	for _, piece := range []int{1, 3} {
		shapes = append(shapes, inputShape{name: fmt.Sprintf("%d bytes at a time", piece), answer: answerLen(20), piece: piece,
			input: frame(true, wire.Text, strings.Repeat("s", 20))})
	}
	for _, size := range []int{300, 5000, 200_000} {
		packed, err := wire.Deflate(wire.Prose(size, 1), 15)
		if err != nil {
			panic(err) // it cannot fail
		}
		half := len(packed) / 2
		shapes = append(shapes,
			inputShape{name: fmt.Sprintf("compressed text of %d bytes", size), deflate: true,
				input: wire.AppendDeflated(nil, wire.Text, key, packed)},
			inputShape{name: fmt.Sprintf("compressed fragments of %d bytes", size), deflate: true,
				input: append(wire.AppendFrame(nil, false, wire.Text|rsv1, key, packed[:half]), frame(true, wire.Continuation, string(packed[half:]))...)})
	}
	return append(shapes, inputShape{name: "a large message in pieces", answer: answerLen(60000), piece: 1000,
		input: frame(true, wire.Binary, strings.Repeat("s", 60000))})
}

// answerLen is the length of an unfragmented frame from a server.
func answerLen(payload int) int {
	switch {
	case payload <= 125:
		return 2 + payload
	case payload <= 0xffff:
		return 4 + payload
	}
	return 10 + payload
}
