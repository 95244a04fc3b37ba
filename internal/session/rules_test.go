package session

import "github.com/framerail/framerail/frame"

// The rules that package frame holds peers to, each as the error with which it is broken.
var (
	errReservedBits         = broken(0xC1, 0x80)
	errUnmasked             = broken(0x81, 0x00)
	errExpectedContinuation = broken(0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0)
	errCloseCode            = brokenClose("\x03\xed")
)

// broken is the rule that a client breaks with these bytes.
func broken(b ...byte) *frame.Error {
	var d frame.Decoder
	d.Reset(frame.Server, frame.Limits{})
	for len(b) > 0 {
		_, n, err := d.Next(b)
		if err != nil {
			return err.(*frame.Error)
		}
		b = b[n:]
	}
	panic("the bytes break no rule")
}

// brokenClose is the rule that the payload of a Close frame breaks.
func brokenClose(payload string) *frame.Error {
	_, _, err := frame.ParseClose([]byte(payload))
	return err.(*frame.Error)
}
