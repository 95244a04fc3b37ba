//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// integrityCommand echoes messages of every size up to 1 MiB, in random fragments
// and random pieces, with pings between. Broken, the program alters some.
type integrityCommand struct {
	scale
	way
	Bytes int64  `default:"10000000000" help:"Payload to echo, in all."`
	Conns int    `default:"8" help:"Connections."`
	Seed  uint64 `default:"1" help:"Of sizes, cuts and contents."`
}

const (
	integrityLargest = 1 << 20
	// integrityAhead is how many messages of a connection may be on their way.
	integrityAhead = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// expected is what the echo of a message must be. Longer ones also begin with
// their number.
type expected struct {
	opcode byte
	size   int
	sum    uint32
}

func (b *integrityCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Bytes, b.Conns = 10e6, 4
	}
	v := new(verdict)
	var messages, bytes atomic.Int64
	start := time.Now()
	// The bound on pending bytes must have room for the largest answer behind the
	// mark at which the server stops reading.
	set := setup{Program: either(b.scale, "echo", "alter"),
		Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: integrityLargest, MaxPending: 4 << 20, ControlFramesPerSecond: -1}}}
	err := withServer(ctx, v, set, func(p *process) error {
		return each(ctx, b.Conns, b.Conns, func(ctx context.Context, i int) error {
			c, err := open(ctx, p.addr, "/")
			if err != nil {
				return err
			}
			defer c.Close()
			if err := b.one(c, i, &messages, &bytes); err != nil {
				v.miss("connection %d: %v", i, err)
				return nil
			}
			if err := c.finish(1000); err != nil {
				v.miss("connection %d, closing: %v", i, err)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	v.expect(bytes.Load() >= b.Bytes, "only %d of %d bytes came back", bytes.Load(), b.Bytes)
	return v.finish("%d messages, %.2f GB echoed and compared in %v over %d connections, seed %d",
		messages.Load(), float64(bytes.Load())/1e9, time.Since(start).Round(time.Second), b.Conns, b.Seed)
}

// one sends a connection's share, and reads the echoes at the same time.
func (b *integrityCommand) one(c *client, i int, messages, bytes *atomic.Int64) error {
	due := make(chan expected, integrityAhead)
	sent := make(chan error, 1)
	failed := make(chan struct{})
	go func() {
		defer close(due)
		sent <- b.sendAll(c, rand.New(rand.NewPCG(b.Seed, uint64(i))), due, failed)
	}()
	var err error
	var number uint64
	for e := range due {
		if err = c.check(e, number); err != nil {
			err = fmt.Errorf("message %d: %w", number, err)
			break
		}
		number++
		messages.Add(1)
		bytes.Add(int64(e.size))
	}
	close(failed)
	if err != nil {
		// The sender may wait for a server that waits for this side to read.
		err = errors.Join(err, c.Close())
		<-sent
		return err
	}
	return <-sent
}

// check reads an echo, passing over pongs, and compares it.
func (c *client) check(e expected, number uint64) error {
	for {
		opcode, payload, err := c.receive()
		if err != nil {
			return err
		}
		if opcode == wire.Pong {
			continue
		}
		if opcode != e.opcode || len(payload) != e.size {
			return fmt.Errorf("opcode %#x with %d bytes, want %#x with %d", opcode, len(payload), e.opcode, e.size)
		}
		if e.size >= 8 && binary.BigEndian.Uint64(payload) != number {
			return fmt.Errorf("it is message %d", binary.BigEndian.Uint64(payload))
		}
		if crc32.Checksum(payload, castagnoli) != e.sum {
			return errors.New("its bytes were altered")
		}
		return nil
	}
}

func (b *integrityCommand) sendAll(c *client, r *rand.Rand, due chan<- expected, failed <-chan struct{}) error {
	noise := make([]byte, integrityLargest)
	for i := 0; i < len(noise); i += 8 {
		binary.BigEndian.PutUint64(noise[i:], r.Uint64())
	}
	payload := make([]byte, integrityLargest)
	var out []byte
	share := b.Bytes/int64(b.Conns) + 1
	for number := uint64(0); share > 0; number++ {
		size := randomSize(r)
		p := payload[:size]
		from := r.IntN(len(noise))
		copy(p[copy(p, noise[from:]):], noise)
		if size >= 8 {
			binary.BigEndian.PutUint64(p, number)
		}
		share -= int64(size)
		// The noise is no UTF-8: it goes as binary.
		select {
		case due <- expected{wire.Binary, size, crc32.Checksum(p, castagnoli)}:
		case <-failed:
			return nil
		}
		if err := c.extend(patience); err != nil {
			return err
		}
		out = appendFragments(out[:0], r, p)
		if err := c.writePieces(r, out); err != nil {
			return err
		}
	}
	return nil
}

// randomSize is at most integrityLargest, with every order of magnitude as likely
// as the next, and often at the edges of the length encodings.
func randomSize(r *rand.Rand) int {
	edges := []int{0, 1, 125, 126, 127, 0xffff, 0x10000, integrityLargest}
	if r.IntN(8) == 0 {
		return edges[r.IntN(len(edges))]
	}
	return r.IntN(1 << (1 + r.IntN(20)))
}

// appendFragments frames p in up to eight fragments, some of them empty, now and
// then with a ping between.
func appendFragments(out []byte, r *rand.Rand, p []byte) []byte {
	opcode := byte(wire.Binary)
	for range r.IntN(8) {
		n := r.IntN(len(p) + 1)
		out = wire.AppendFrame(out, false, opcode, randomKey(r), p[:n])
		p = p[n:]
		opcode = wire.Continuation
		if r.IntN(8) == 0 {
			out = wire.AppendFrame(out, true, wire.Ping, randomKey(r), []byte("between"))
		}
	}
	return wire.AppendFrame(out, true, opcode, randomKey(r), p)
}

func randomKey(r *rand.Rand) (key [4]byte) {
	binary.BigEndian.PutUint32(key[:], r.Uint32())
	return key
}

// writePieces writes out, cut at up to three random places.
func (c *client) writePieces(r *rand.Rand, out []byte) error {
	for range r.IntN(4) {
		n := r.IntN(min(len(out), 1+r.IntN(len(out)+1)) + 1)
		if _, err := c.Write(out[:n]); err != nil {
			return err
		}
		if out = out[n:]; len(out) == 0 {
			return nil
		}
	}
	_, err := c.Write(out)
	return err
}
