package frame

import "strconv"

// Opcode says what a frame carries (RFC 6455 5.2). It is the low four bits of a
// frame's first byte. The zero value is Continuation.
type Opcode uint8

// The opcodes of RFC 6455 11.8. 3-7 are reserved for further data frames, 11-15
// for further control frames.
const (
	Continuation Opcode = 0x0 // a further fragment of the message in progress
	Text         Opcode = 0x1 // UTF-8 text
	Binary       Opcode = 0x2 // bytes
	Close        Opcode = 0x8 // start or answer of the closing handshake
	Ping         Opcode = 0x9 // to be answered with a Pong of the same payload
	Pong         Opcode = 0xA // answer to a Ping, or a sign of life
)

// IsControl reports whether o is a control opcode, assigned or reserved: one
// with the top bit of four set (RFC 6455 5.5).
func (o Opcode) IsControl() bool { return o&0x8 != 0 }

// isReserved reports whether RFC 6455 gives o no meaning.
func (o Opcode) isReserved() bool { return o > Pong || o > Binary && o < Close }

// String returns the name of the RFC, or the number of a reserved opcode.
func (o Opcode) String() string {
	switch o {
	case Continuation:
		return "Continuation"
	case Text:
		return "Text"
	case Binary:
		return "Binary"
	case Close:
		return "Close"
	case Ping:
		return "Ping"
	case Pong:
		return "Pong"
	}
	return "Opcode(" + strconv.Itoa(int(o)) + ")"
}
