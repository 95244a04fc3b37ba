package session

import "github.com/framerail/framerail/frame"

// MessageType is what a message carries: [Text] or [Binary] (RFC 6455 5.6).
type MessageType = frame.Opcode

// The two types of message.
const (
	Text   = frame.Text   // UTF-8 text; what arrives has been checked
	Binary = frame.Binary // any bytes
)

// Message is one whole message that has arrived.
type Message struct {
	// Type is Text or Binary: a text has been checked to be UTF-8.
	Type MessageType
	// Payload is valid until the callback returns; copy to keep. Until then the
	// callback may change it.
	Payload []byte
}

// String returns a copy of the payload, which the caller may keep.
func (m Message) String() string { return string(m.Payload) }
