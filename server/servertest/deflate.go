package servertest

import (
	"bytes"
	"slices"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// compression is what a client keeps once permessage-deflate is agreed on: for either
// direction exactly the window that is.
type compression struct {
	agreed   deflate.Params
	inflater deflate.Inflater
	in, out  deflate.Window
	message  []byte // inflated, as far as it has come
}

// Deflate is what the server has agreed on of Request.Deflate; false if on nothing.
func (c *Client) Deflate() (deflate.Params, bool) {
	defer c.locked()()
	if c.compression == nil {
		return deflate.Params{}, false
	}
	return c.compression.agreed, true
}

// Compress is what payload is as a compressed message, to be sent before anything else
// that is compressed: in frames of which the first has RSV1 (RFC 7692 7.2.1). Without an
// agreement, as before the handshake is accepted, ok is false.
func (c *Client) Compress(payload []byte) (packed []byte, ok bool) {
	defer c.locked()()
	z := c.compression
	if z == nil {
		return nil, false
	}
	bits := windowBits(z.agreed.ClientMaxWindowBits)
	if z.agreed.ClientNoContextTakeover {
		z.out.Use(nil)
	}
	packed = deflate.Compressor{WindowBits: bits}.Append(nil, payload, &z.out, true)
	remember(&z.out, payload, bits)
	return packed, true
}

// agree notes what the answer says of compression.
func (c *Client) agree(head []byte) {
	var lines [][]byte
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Sec-WebSocket-Extensions")) {
			lines = append(lines, bytes.TrimSpace(value))
		}
	}
	agreed, ok, err := deflate.CheckAnswer(slices.Values(lines), c.offers...)
	if err != nil {
		c.sim.breachLocked("the answer to %v: %w", c.socket, err)
	}
	if ok {
		c.compression = &compression{agreed: agreed}
		c.dec.AllowRSV1(true)
	}
}

// inflate takes in a piece of a compressed message.
func (c *Client) inflate(ev frame.Event) {
	z := c.compression
	bits := windowBits(z.agreed.ServerMaxWindowBits)
	if ev.First {
		z.inflater.Reset(bits)
		z.message = z.message[:0]
		if z.agreed.ServerNoContextTakeover {
			z.in.Use(nil)
		}
	}
	chunk := c.sim.chunk[:]
	for src := ev.Payload; ; {
		n, taken, done, err := z.inflater.Inflate(chunk, src, ev.Last, &z.in)
		src = src[taken:]
		z.message = append(z.message, chunk[:n]...)
		remember(&z.in, chunk[:n], bits)
		if err != nil {
			c.sim.breachLocked("a message of %v: %w", c.socket, err)
			c.socket.reset()
			return
		}
		if done || !ev.Last && len(src) == 0 && n < len(chunk) {
			break
		}
	}
	if ev.Last {
		c.messages = append(c.messages, conn.Message{Type: conn.MessageType(ev.Opcode), Payload: slices.Clone(z.message)})
	}
}

func windowBits(named int) int {
	if named == 0 {
		return deflate.MaxWindowBits
	}
	return named
}

func remember(w *deflate.Window, p []byte, bits int) {
	if n := w.Lack(len(p), bits); n > 0 {
		w.Use(make([]byte, n))
	}
	w.Add(p)
}
