package session

import stdcontext "context" // the package has a type of that name

// SendKeyed sends a message that is the latest value of a key.
func (c *Conn) SendKeyed(key string, t MessageType, payload []byte) error {
	return c.sendAs(Outgoing{Type: t, Payload: payload, Key: key})
}

// SendPlain sends a message uncompressed.
func (c *Conn) SendPlain(t MessageType, payload []byte) error {
	return c.sendAs(Outgoing{Type: t, Payload: payload, Uncompressed: true})
}

// SendMessage passes a received message on.
func (c *Conn) SendMessage(m Message) error {
	return c.sendAs(Outgoing{Type: m.Type, Payload: m.Payload, Valid: true})
}

// NewPlainWriter is NewWriter without compression.
func (c *Conn) NewPlainWriter(t MessageType) (*Writer, error) {
	w, err := c.NewWriter(t)
	if err == nil {
		err = w.DisableCompression()
	}
	return w, err
}

// SendWait is Send that waits for room.
func (c *Conn) SendWait(ctx stdcontext.Context, t MessageType, payload []byte) error {
	return c.SendAsWait(ctx, Outgoing{Type: t, Payload: payload})
}

func (c *Conn) sendAs(o Outgoing) error {
	return c.SendAs(o.Type, o.Payload, o.Key, o.Uncompressed, o.Valid)
}
