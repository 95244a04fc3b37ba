package session

import (
	stdcontext "context" // the package has a type of that name
	"time"
	"unsafe"

	"github.com/framerail/framerail/frame"
)

// Outgoing is a message to send, and how to send it.
type Outgoing struct {
	Type         frame.Opcode // Text or Binary
	Uncompressed bool         // leave it as it is, whatever was agreed on
	Valid        bool         // text is known to be UTF-8: do not check it
	Payload      []byte       // the caller's again when the call returns
	Key          string       // replaces the waiting message of this key, under OverflowLatest
}

// Send sends one message, of type Text or Binary. It never blocks, whereas [Conn.SendAsWait]
// waits for a peer that is slow, and may be called from any goroutine: a message that is short
// is copied and leaves with the loop's turn, a long one goes to the socket at once and only
// what that does not take is copied. The caller may reuse payload when Send returns.
//
// Text that is not UTF-8 fails with ErrNotUTF8. Outgoing.Valid sends text without the check.
//
// Messages of one goroutine arrive in the order they were sent. Send fails, and sends nothing,
// with ErrClosed once the connection is closing, with ErrPendingFull if the message would pass
// the bound on pending bytes and [Overflow] does not make room for it, with ErrMessageTooLarge,
// which is logged, if it is larger than that bound, and with ErrMessageType for any other type.
func (c *Conn) Send(t MessageType, payload []byte) error {
	if err := sendable(t, false, payload); err != nil {
		return err
	}
	return c.sendMessage(t, payload, "")
}

// SendText sends s as a text message, as Send does. It does not allocate.
func (c *Conn) SendText(s string) error { return c.Send(Text, bytesOf(s)) }

// SendBinary sends b as a binary message, as Send does.
func (c *Conn) SendBinary(b []byte) error { return c.sendMessage(Binary, b, "") }

// bytesOf is s as bytes that must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// SendAs sends a message as an [Outgoing] with these fields says. They are given one by one:
// a struct of this size goes through memory, and takes ten times as long as the call.
func (c *Conn) SendAs(t frame.Opcode, payload []byte, key string, uncompressed, valid bool) error {
	if err := sendable(t, valid, payload); err != nil {
		return err
	}
	if uncompressed {
		return c.sendPlain(t, payload, key)
	}
	return c.sendMessage(t, payload, key)
}

// SendPrepared sends a message that was encoded before, as SendAs does. A server's queue
// refers to its bytes. A client masks them (RFC 6455 5.3), so it sends a copy.
func (c *Conn) SendPrepared(p *Prepared) error {
	payload := p.plain.Payload()
	if c.role() == frame.Client && (p.plain.Tag.Of == nil || !c.dropsOldest()) {
		return c.SendAs(p.plain.Header().Opcode, payload, p.key, p.uncompressed, true)
	}
	f := p.frameFor(&c.sending)
	c.mu.Lock()
	err := c.sendShared(f, payload, p.key)
	c.unlockAndWake()
	return c.noteTooLarge(err, len(payload))
}

// SendAsWait is SendAs that waits until at most a quarter of MaxPending is in use and the
// message fits into the rest. Several that wait have their turns in the order in which they
// came. While a Writer is open the message is queued behind the Writer's. It returns ctx's
// error once ctx is done, and ErrClosed once the connection is closing; nothing was sent then.
// The key has no effect.
func (c *Conn) SendAsWait(ctx stdcontext.Context, o Outgoing) error {
	if staysOnLoop() {
		return ErrOnLoop
	}
	if err := sendable(o.Type, o.Valid, o.Payload); err != nil {
		return err
	}
	return c.noteTooLarge(c.sendWait(ctx, o.Type, o.Payload, o.Uncompressed), len(o.Payload))
}

// sendMessage sends a whole message, behind the one that a Writer is writing.
func (c *Conn) sendMessage(t MessageType, payload []byte, key string) error {
	if c.compresses(len(payload)) {
		return c.noteTooLarge(c.sendCompressed(t, payload, key), len(payload))
	}
	return c.sendPlain(t, payload, key)
}

// sendPlain is sendMessage without compression.
func (c *Conn) sendPlain(t MessageType, payload []byte, key string) error {
	c.mu.Lock()
	err := c.sendMessageLocked(frame.Header{Fin: true, Opcode: t}, payload, key)
	c.unlockAndWake()
	return c.noteTooLarge(err, len(payload))
}

// sendCompressed is sendPlain for a message that is to be compressed, and is if that makes
// it smaller, or all are. Compressing needs no order among messages unless they refer to each other.
func (c *Conn) sendCompressed(t MessageType, payload []byte, key string) error {
	c.mu.Lock()
	if c.State() != Open || c.isFullFor(len(payload)) {
		defer c.unlockAndWake()
		return c.sendMessageLocked(frame.Header{Fin: true, Opcode: t}, payload, key)
	}
	c.mu.Unlock()

	p := c.pack(payload)
	defer p.buf.Release()
	c.mu.Lock()
	defer c.unlockAndWake()
	return c.sendPacked(t, payload, key, p)
}

// sendWait waits for room, and then sends.
func (c *Conn) sendWait(ctx stdcontext.Context, t MessageType, payload []byte, plain bool) error {
	size := len(payload)
	if plain || !c.compresses(size) {
		c.mu.Lock()
		defer c.unlockAndWake()
		if err := c.awaitTurn(ctx, c.frameSize(size)); err != nil {
			return err
		}
		return c.sendMessageLocked(frame.Header{Fin: true, Opcode: t}, payload, "")
	}
	p := c.pack(payload)
	defer p.buf.Release()
	if p.alone {
		size = min(size, len(p.b))
	}
	c.mu.Lock()
	defer c.unlockAndWake()
	if err := c.awaitTurn(ctx, c.frameSize(size)); err != nil {
		return err
	}
	return c.sendPacked(t, payload, "", p)
}

// Ping sends a ping with at most 125 bytes of payload (RFC 6455 5.5.2). The peer
// answers with a pong of the same payload. Control frames have a small reserve
// beyond the bound on pending bytes; Ping fails as Send does once that is full.
func (c *Conn) Ping(payload []byte) error { return c.control(frame.Ping, payload) }

// Pong sends a pong, in answer to a ping or unasked (RFC 6455 5.5.3), as Ping does.
func (c *Conn) Pong(payload []byte) error { return c.control(frame.Pong, payload) }

// RTT is the time from the latest ping that was answered to its pong, be it the program's or the
// heartbeat's; false before there is one. The first call sends a ping. Pings before it are not measured,
// nor are those of the program without a payload. Those of the heartbeat have a payload from then on.
func (c *Conn) RTT() (rtt time.Duration, ok bool) {
	c.mu.Lock()
	defer c.unlockAndWake()
	r, begins := c.measure()
	if begins {
		_ = c.sendOwnPing() // no room, or too late: there is no time then
	}
	return r.last, r.last > 0
}

func (c *Conn) control(op frame.Opcode, payload []byte) error {
	if len(payload) > frame.MaxControlPayload {
		return ErrControlTooLong
	}
	c.mu.Lock()
	err := c.sendControl(op, payload)
	if err == ErrPendingFull {
		c.tx.refused = true
	}
	c.unlockAndWake()
	return err
}

// answerPing answers a ping with a pong.
func (c *Conn) answerPing(payload []byte) {
	c.mu.Lock()
	defer c.unlockAndWake()
	if c.State() == Open {
		c.sendPong(payload)
	}
}
