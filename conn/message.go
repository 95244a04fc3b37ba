package conn

// MessageType is the type of a message: [Text] or [Binary] (RFC 6455 5.6).
type MessageType uint8

// The types of messages. Their values are the opcodes of RFC 6455 5.2.
const (
	Text   MessageType = 1 // UTF-8 text
	Binary MessageType = 2 // any bytes
)

// String returns "text" or "binary".
func (t MessageType) String() string {
	switch t {
	case Text:
		return "text"
	case Binary:
		return "binary"
	}
	return "unknown"
}

// Message is one whole message: one that was received, or one to send with
// [Conn.SendMessage] or [Conn.SendWait].
//
// A received message has Type, Payload and, for text, Valid set, so that SendMessage passes
// it on as it is.
type Message struct {
	// Type is Text or Binary.
	Type MessageType

	// Uncompressed sends the message without compression, even if compression was agreed on.
	// Use it for data that is compressed already. Use it also for a secret that is sent
	// together with text that a stranger chose: the size of a compressed message reveals
	// whether the two are alike.
	Uncompressed bool

	// Valid says that a text is known to be UTF-8, and sends it without a check. Received
	// text was checked, and has Valid set: clear it before sending if the callback changed
	// the payload. Clients close the connection when they receive text that is not UTF-8.
	Valid bool

	// Payload of a received message is valid until the callback returns, or until the next call
	// of [Conn.Receive]; copy to keep. The callback may change it until then. Payload of a message to send is the caller's again
	// when the call returns.
	Payload []byte

	// Key makes the message the latest value of that key, for connections with
	// [OverflowLatest]: it replaces a message of the same key that still waits to be sent.
	// Other policies ignore it, and so does SendWait. The key is kept, not copied, while the
	// message waits. Empty: the message replaces nothing.
	Key string
}

// String returns a copy of the payload as a string.
func (m Message) String() string { return string(m.Payload) }
