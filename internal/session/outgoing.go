package session

import (
	stdcontext "context" // the package has a type of that name

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

// sendable tells why a message cannot be sent; nil if it can.
func sendable(t frame.Opcode, valid bool, payload []byte) error {
	switch {
	case t == Binary, t == Text && valid:
		return nil
	case t != Text:
		return ErrMessageType
	case !frame.ValidText(payload):
		return ErrNotUTF8
	}
	return nil
}

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

// SendAsWait is SendAs that waits until at most a quarter of MaxPending is in use and the
// message fits into the rest. Several that wait have their turns in the order in which they
// came. While a Writer is open the message is queued behind the Writer's. It returns ctx's
// error once ctx is done, and ErrClosed once the connection is closing; nothing was sent then.
// The key has no effect.
func (c *Conn) SendAsWait(ctx stdcontext.Context, o Outgoing) error {
	if onLoop() {
		return ErrOnLoop
	}
	if err := sendable(o.Type, o.Valid, o.Payload); err != nil {
		return err
	}
	return c.noteTooLarge(c.sendWait(ctx, o.Type, o.Payload, o.Uncompressed), len(o.Payload))
}
