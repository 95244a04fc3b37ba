package client

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/framerail/framerail/conn"
)

// Send sends a message, as [conn.Conn.SendMessage] does. While there is no connection, it keeps a copy
// within MaxWaiting. It fails with ErrAway if MaxWaiting is 0 or Run has returned, and with
// [conn.ErrPendingFull] if the message does not fit.
//
// What is kept goes to the next connection, before what Send is given later. If the connection has no room for
// all of it, the rest follows as the server reads, and Send keeps messages until then. A message that was given
// to a connection which then breaks may be lost. A message larger than the connection's MaxPending is lost, too,
// and that is logged. Any other that is kept is not lost until Run returns.
func (r *Reconnecting) Send(m conn.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.up != nil && len(r.waiting) == 0 {
		if err := r.up.SendMessage(m); !errors.Is(err, conn.ErrClosed) {
			return err
		}
	}
	size := len(m.Payload) + messageCost
	switch {
	case r.MaxWaiting == 0 || r.ended:
		return ErrAway
	case m.Type != conn.Text && m.Type != conn.Binary:
		return conn.ErrMessageType
	case m.Type == conn.Text && !m.Valid && !utf8.Valid(m.Payload):
		return conn.ErrNotUTF8
	case size > r.MaxWaiting-r.bytes:
		return fmt.Errorf("%w, and %d bytes wait for a connection", conn.ErrPendingFull, r.bytes)
	}
	m.Payload = append([]byte(nil), m.Payload...)
	r.waiting, r.bytes = append(r.waiting, m), r.bytes+size
	return nil
}

// sendWaiting sends what waits, as far as the connection has room. mu is held.
func (r *Reconnecting) sendWaiting() {
	for len(r.waiting) > 0 {
		switch err := r.up.SendMessage(r.waiting[0]); {
		case err == nil:
		case r.up.State() != conn.Open:
			return // the rest is for the next connection
		case errors.Is(err, conn.ErrPendingFull):
			r.sender = make(chan struct{})
			c, sender := r.up, r.sender
			r.Client.platform().Go(func() { r.sendSlowly(c, sender) })
			return
		}
		r.dropFirst() // it was sent, or the connection has logged why it never can be
	}
}

// sendSlowly sends what waits as the connection has room, until nothing waits or the connection is closing.
// down waits for it, so that each message goes to one connection. It closes sender at its end.
func (r *Reconnecting) sendSlowly(c *conn.Conn, sender chan struct{}) {
	defer close(sender)
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.waiting) > 0 && r.up == c {
		m := r.waiting[0]
		r.mu.Unlock()
		err := c.SendWait(context.Background(), m)
		r.mu.Lock()
		if errors.Is(err, conn.ErrClosed) {
			break
		}
		r.dropFirst()
	}
	r.sender = nil
}

// dropFirst takes out the first message that waits. There is none if Run has returned meanwhile. mu is held.
func (r *Reconnecting) dropFirst() {
	if len(r.waiting) == 0 {
		return
	}
	r.bytes -= len(r.waiting[0].Payload) + messageCost
	r.waiting[0] = conn.Message{}
	if r.waiting = r.waiting[1:]; len(r.waiting) == 0 {
		r.waiting = nil
	}
}
