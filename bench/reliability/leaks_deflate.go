//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/server"
)

// leaksDeflate keeps as much as can be kept for compressing.
var leaksDeflate = server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}

// compressed is a life that begins with a handshake that agrees on compression, and an
// echo that leaves something to refer to.
func compressed(path string, live func(c *client, r *rand.Rand) error) func(*client, string, *rand.Rand) error {
	return func(c *client, addr string, r *rand.Rand) error {
		if _, err := wire.HandshakeOffering(c.Conn, addr, path, wire.Offer); err != nil {
			return err
		}
		if path == "/" {
			for range 3 {
				if err := c.echoCompressed(wire.Prose(300+r.IntN(20_000), r.Int())); err != nil {
					return err
				}
			}
		}
		return live(c, r)
	}
}

// echoCompressed sends a compressed message and awaits one.
func (c *client) echoCompressed(payload []byte) error {
	out, err := deflatedFrame(payload)
	if err != nil {
		return err
	}
	if _, err := c.Write(out); err != nil {
		return err
	}
	_, opcode, _, err := wire.ReadFrame(c.in)
	if err == nil && opcode != wire.Text|rsv1 {
		err = fmt.Errorf("opcode %#x, not a compressed text", opcode)
	}
	return err
}

func deflatedFrame(payload []byte) ([]byte, error) {
	packed, err := wire.Deflate(payload, 15)
	return wire.AppendDeflated(nil, wire.Text, lifeKey, packed), err
}

var compressedLives = []lifeOfAKind{
	{name: "compressed echoes, and a reset", live: compressed("/", func(*client, *rand.Rand) error { return nil })},
	{name: "compressed echoes, and Close", live: compressed("/", func(c *client, _ *rand.Rand) error {
		return errors.Join(c.send(wire.Close, []byte{0x03, 0xe8}), c.awaitNormal())
	})},
	{name: "reset within a compressed message", live: compressed("/", func(c *client, r *rand.Rand) error {
		frame, err := deflatedFrame(wire.Prose(60_000, r.Int()))
		if err != nil {
			return err
		}
		_, err = c.Write(frame[:1+r.IntN(len(frame)-1)])
		return err
	})},
	{name: "no DEFLATE data", live: compressed("/", refusedWith(1007, wire.AppendDeflated(nil, wire.Text, lifeKey, []byte{0xff, 0xff})))},
	{name: "a compressed stream that is not read to its end", live: compressed("/stream", func(c *client, r *rand.Rand) error {
		frame, err := deflatedFrame(wire.Prose(200_000, r.Int()))
		if err != nil {
			return err
		}
		if _, err := c.Write(frame); err != nil {
			return err
		}
		return c.pingPong()
	})},
	{name: "a compressed Writer that is left open", live: compressed("/writer", func(c *client, _ *rand.Rand) error {
		if err := c.send(wire.Text, []byte("now")); err != nil {
			return err
		}
		_, err := c.in.ReadByte()
		return err
	})},
	{name: "does not read what is compressed", live: compressed("/pour", func(c *client, _ *rand.Rand) error {
		if err := c.send(wire.Text, []byte("pour")); err != nil {
			return err
		}
		_, err := io.ReadFull(c.in, make([]byte, 100))
		return err
	})},
}
