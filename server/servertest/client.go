package servertest

import (
	"slices"
	"syscall"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/mask"
)

// Client is the other end of a connection: it does what the test says, and by itself
// answers pings and the server's Close frame, and leaves when the server has. It is
// for the goroutine of its Sim, and may be used in callbacks too.
type Client struct {
	sim    *Sim
	socket *socket
	over   *over // TLS; nil for none

	// Guarded by the simulation's mu.
	manual     bool
	key        []byte
	head       []byte // of the answer, as far as it has come
	body       []byte // behind it, if it is a refusal
	isAnswered bool
	isOpen     bool
	outbox     []byte // what must wait for the answer

	received
	offers      []deflate.Params
	sentEnd     bool // a Close frame was sent
	scratch     []byte
	compression *compression // nil unless agreed on

	paused bool
	gone   bool // it has left, and reads no more
	end    error
}

// received is what a client has received behind the answer.
type received struct {
	dec      frame.Decoder
	asm      frame.Assembler
	messages []conn.Message
	pings    int
	pongs    [][]byte
	close    *CloseFrame
}

// CloseFrame is the content of a Close frame.
type CloseFrame struct {
	Code   frame.CloseCode
	Reason string
}

// Manual takes away what the client does by itself: pings and Close frames are not
// answered, and it does not leave when the server ends its direction.
func (c *Client) Manual() {
	defer c.locked()()
	c.manual = true
}

// locked is for the first line of a method by which the test moves the client.
func (c *Client) locked() (unlock func()) {
	c.sim.mu.Lock()
	return c.sim.unlock
}

// ID is the number of the connection, as in the trace: the first client's is 1.
func (c *Client) ID() int { return c.socket.id }

// SendText sends a text message in one frame. Like the other methods that send it
// sends once the handshake was accepted, and does nothing once the client has left.
func (c *Client) SendText(s string) { c.Send(conn.Text, []byte(s)) }

// SendBinary sends a binary message in one frame.
func (c *Client) SendBinary(b []byte) { c.Send(conn.Binary, b) }

// Send sends a message in one frame. The payload is copied, as in all methods.
func (c *Client) Send(t conn.MessageType, payload []byte) {
	c.SendFrame(frame.Header{Fin: true, Opcode: frame.Opcode(t)}, payload)
}

// Ping sends a ping.
func (c *Client) Ping(payload []byte) {
	c.SendFrame(frame.Header{Fin: true, Opcode: frame.Ping}, payload)
}

// Close sends a Close frame. With a code that may not be sent it sends it nevertheless.
func (c *Client) Close(code frame.CloseCode, reason string) {
	payload := append([]byte{byte(code >> 8), byte(code)}, reason...)
	if code == frame.NoStatusReceived || code == 0 {
		payload = nil
	}
	c.SendFrame(frame.Header{Fin: true, Opcode: frame.Close}, payload)
}

// SendFrame sends a frame as h says, masked with a key of the client's; its length is
// the payload's.
func (c *Client) SendFrame(h frame.Header, payload []byte) {
	defer c.locked()()
	c.sendFrame(h, payload)
}

func (c *Client) sendFrame(h frame.Header, payload []byte) {
	h.Masked, h.MaskingKey = true, mask.Key(c.sim.rnd.Uint32())
	c.sentEnd = c.sentEnd || h.Opcode == frame.Close
	c.scratch = frame.AppendFrame(c.scratch[:0], h, payload)
	if !c.isOpen && c.key != nil {
		c.outbox = append(c.outbox, c.scratch...)
		return
	}
	c.write(c.scratch)
}

// Write sends bytes as they are, and does not wait for the handshake.
func (c *Client) Write(b []byte) {
	defer c.locked()()
	c.write(b)
}

func (c *Client) write(b []byte) {
	if c.over != nil {
		c.over.write(b)
		return
	}
	c.put(b)
}

// put sends bytes to the socket.
func (c *Client) put(b []byte) {
	if k := c.socket; !k.isReset && !k.upEnd {
		k.flight.Write(b)
		k.stir()
	}
}

// CloseWrite ends the client's direction, behind what it has sent and with close_notify
// if it speaks TLS; it goes on reading.
func (c *Client) CloseWrite() {
	defer c.locked()()
	if c.over != nil {
		c.over.closeWrite()
	}
	c.socket.endUp()
}

// Leave closes the client's socket: what it has sent still arrives; if the server
// sends anything more the connection is reset.
func (c *Client) Leave() {
	defer c.locked()()
	c.socket.endUp()
	c.gone, c.paused = true, false
}

// Reset resets the connection; what was on its way is lost.
func (c *Client) Reset() {
	defer c.locked()()
	if !c.socket.isReset && !c.socket.seenEnd {
		c.sim.note(actReset, c.socket.id, 2)
		c.socket.reset()
	}
}

// Pause has the client read no more, until Resume.
func (c *Client) Pause() {
	defer c.locked()()
	c.paused = !c.gone
}

// Resume has the client read again.
func (c *Client) Resume() {
	defer c.locked()()
	c.paused = false
}

// Next takes the next message that has arrived whole; false if there is none. Its
// payload belongs to the caller.
func (c *Client) Next() (m conn.Message, ok bool) {
	defer c.locked()()
	if len(c.messages) == 0 {
		return m, false
	}
	m = c.messages[0]
	c.messages = slices.Delete(c.messages, 0, 1)
	return m, true
}

// Pings is how many pings have come, and Pongs the payloads of pongs.
func (c *Client) Pings() int {
	defer c.locked()()
	return c.pings
}

// Pongs are the payloads of the pongs that have come.
func (c *Client) Pongs() [][]byte {
	defer c.locked()()
	return slices.Clone(c.pongs)
}

// Closed is the server's Close frame; false if none has come.
func (c *Client) Closed() (CloseFrame, bool) {
	defer c.locked()()
	if c.close == nil {
		return CloseFrame{}, false
	}
	return *c.close, true
}

// End is how the connection has ended as the client sees it: io.EOF,
// syscall.ECONNRESET, or nil while it has not.
func (c *Client) End() error {
	defer c.locked()()
	return c.end
}

// ended notes the end of the connection. mu is held.
func (c *Client) ended(err error) {
	c.end = err
	if !c.manual || err == syscall.ECONNRESET {
		c.socket.endUp()
		c.gone = true
	}
	if c.over != nil {
		c.over.end()
	}
	c.dec, c.asm, c.outbox, c.scratch, c.compression = frame.Decoder{}, frame.Assembler{}, nil, nil, nil
}

// reads implements peer, as the next two do.
func (c *Client) reads() bool   { return !c.paused }
func (c *Client) hasLeft() bool { return c.gone }
func (c *Client) take(b []byte) {
	if c.over != nil {
		c.over.receive(b)
		return
	}
	c.receive(b)
}

// receive takes in bytes from the server. mu is held.
func (c *Client) receive(b []byte) {
	if c.isAnswered && !c.isOpen {
		c.body = append(c.body, b...)
		return
	}
	if !c.isOpen {
		if b = c.answered(b); !c.isOpen {
			return
		}
	}
	for len(b) > 0 {
		ev, n, err := c.dec.Next(b)
		if err != nil || c.close != nil {
			c.sim.breachLocked("the server's frames of %v, after Close: %v, broken rule: %w", c.socket, c.close != nil, err)
			c.socket.reset()
			return
		}
		b = b[n:]
		if ev.Opcode != frame.Continuation {
			c.handle(ev)
		}
	}
}

func (c *Client) handle(ev frame.Event) {
	switch ev.Opcode {
	case frame.Ping:
		c.pings++
		if !c.manual && !c.sentEnd {
			c.sendFrame(frame.Header{Fin: true, Opcode: frame.Pong}, ev.Payload)
		}
	case frame.Pong:
		c.pongs = append(c.pongs, slices.Clone(ev.Payload))
	case frame.Close:
		code, reason, err := frame.ParseClose(ev.Payload)
		if err != nil {
			c.sim.breachLocked("the Close frame of %v: %w", c.socket, err)
		}
		c.close = &CloseFrame{code, string(reason)}
		if !c.manual && !c.sentEnd {
			c.sendFrame(frame.Header{Fin: true, Opcode: frame.Close}, ev.Payload)
		}
	default:
		if c.dec.RSV1() {
			c.inflate(ev)
			return
		}
		if m, whole := c.asm.Add(ev); whole {
			c.messages = append(c.messages, conn.Message{Type: conn.MessageType(m.Opcode), Payload: slices.Clone(m.Payload)})
		}
	}
}
