package conform

import "time"

const (
	// MaxRecordData is how many bytes of a payload, or of raw bytes, a Record
	// keeps. Enough for every control frame and for a handshake's first lines.
	MaxRecordData = 256

	// MaxRecords is how many records a Result keeps. What comes after is
	// counted in the last of them, a note: some cases are a million frames.
	MaxRecords = 400
)

// Direction says whose a Record is.
type Direction uint8

const (
	Note     Direction = iota // neither's: something that happened, in words
	Sent                      // bytes of the client's, this program's
	Received                  // bytes of the server's, which are not to be trusted
)

// Header is a frame's header, whatever it is worth: RFC 6455 5.2.
type Header struct {
	Fin    bool
	RSV    byte // RSV1 is 4, RSV2 is 2, RSV3 is 1
	Opcode byte
	Masked bool
	Key    [4]byte // the masking key; zero if not Masked
	Length int64   // of the payload, as claimed
}

// Record is one line of a case's wire log.
type Record struct {
	At     time.Duration // since the case began
	Dir    Direction
	Header *Header // nil for a note and for bytes that are no frame
	Length int64   // all bytes of the payload, unmasked, or of the raw bytes
	Data   []byte  // the first of them, at most MaxRecordData
	Note   string  // what happened, or what the bytes are
}
