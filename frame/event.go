package frame

// Event is what a Decoder found: a control frame, or the next piece of a
// message. The zero Event is nothing.
type Event struct {
	// Payload is unmasked. It is a slice of the bytes given to Next, or of the
	// Decoder's own for a control frame that came in pieces: valid until the
	// next call to Next, and no longer than those bytes; copy to keep.
	Payload []byte

	// Opcode is Close, Ping or Pong for a control frame, and that of the
	// message, Text or Binary, for each of its pieces, also for those that came
	// in Continuation frames. Continuation is the zero Event's: nothing more in
	// the bytes given.
	Opcode Opcode

	// First and Last say that this piece is the first, the last of its message.
	// A control frame is always both.
	First, Last bool
}
