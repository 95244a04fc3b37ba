package frame

// Event is a result of a Decoder: a control frame, or the next piece of a message. The zero
// Event means that there is none.
type Event struct {
	// Payload is unmasked. It is a slice of the bytes given to Next, or of the
	// Decoder's own for a control frame that came in pieces: valid until the
	// next call to Next, and no longer than those bytes; copy to keep.
	Payload []byte

	// Opcode is Close, Ping or Pong for a control frame. For a piece of a message it is the
	// message's opcode, Text or Binary, also if the piece came in a Continuation frame.
	// Continuation is the zero Event's.
	Opcode Opcode

	// First and Last say that this piece is the first, the last of its message.
	// A control frame is always both.
	First, Last bool
}
