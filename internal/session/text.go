package session

import "github.com/framerail/framerail/frame"

// CheckedText is given to a method that sends in place of [Text] for text that is known to be
// UTF-8: it is sent as text, and not checked. It is for what the program has checked, or
// made so that it must be right, and sends to many. A received message goes on unchecked
// with [Conn.SendMessage]. A peer fails a connection on which it gets other text.
const CheckedText MessageType = 0x80 | frame.Text

// outgoing checks a message that is to be sent, and gives the type that its frame has.
func outgoing(t MessageType, payload []byte) (MessageType, error) {
	switch t {
	case Text:
		if !frame.ValidText(payload) {
			return t, ErrNotUTF8
		}
	case CheckedText:
		return Text, nil
	case Binary:
	default:
		return t, ErrMessageType
	}
	return t, nil
}

// SendMessage sends a message that was received, to the peer that it came from or another,
// as Send does. Its text was checked when it came, and is not checked again: who changes a
// payload in its place, in a way that may leave other text than UTF-8, uses Send.
func (c *Conn) SendMessage(m Message) error {
	if m.Type == Text {
		m.Type = CheckedText
	}
	return c.Send(m.Type, m.Payload)
}

// textSoFar is what a Writer knows of its text.
type textSoFar struct {
	checks bool // it is text, and to be checked
	state  frame.TextCheck
}

// check tells whether p may follow, and the state behind it.
func (t *textSoFar) check(p []byte) (behind frame.TextCheck, err error) {
	behind = t.state
	if t.checks && behind.Accept(p, false) < len(p) {
		return behind, ErrNotUTF8
	}
	return behind, nil
}

// taken notes that of p, which was checked, n bytes were taken.
func (t *textSoFar) taken(p []byte, n int, behind frame.TextCheck) {
	switch {
	case !t.checks:
	case n == len(p):
		t.state = behind
	default:
		t.state.Accept(p[:n], false)
	}
}

// end tells whether the text may end here.
func (t *textSoFar) end() error {
	if whole := t.state; whole.Accept(nil, true) < 0 {
		return ErrNotUTF8
	}
	return nil
}
