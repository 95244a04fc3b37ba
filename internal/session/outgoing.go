package session

import (
	stdcontext "context" // the package has a type of that name

	"github.com/framerail/framerail/frame"
)

// Outgoing is a message to send, and how to send it.
type Outgoing struct {
	Type         frame.Opcode // Text or Binary
	Payload      []byte       // the caller's again when the call returns
	Key          string       // replaces the waiting message of this key, under OverflowLatest
	Uncompressed bool         // leave it as it is, whatever was agreed on
	Valid        bool         // text is known to be UTF-8: do not check it
}

// check tells why the message cannot be sent; nil if it can.
func (o *Outgoing) check() error {
	switch {
	case o.Type == Binary, o.Type == Text && o.Valid:
		return nil
	case o.Type != Text:
		return ErrMessageType
	case !frame.ValidText(o.Payload):
		return ErrNotUTF8
	}
	return nil
}

// SendAs sends a message as it says.
func (c *Conn) SendAs(o Outgoing) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.Uncompressed {
		return c.sendPlain(o.Type, o.Payload, o.Key)
	}
	return c.sendMessage(o.Type, o.Payload, o.Key)
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
	if err := o.check(); err != nil {
		return err
	}
	return c.noteTooLarge(c.sendWait(ctx, o.Type, o.Payload, o.Uncompressed), len(o.Payload))
}
