package differential

import "github.com/framerail/framerail/frame"

// The rules that package frame holds peers to, each as the error with which it is broken.
var (
	errControlTooLong   = broken(0x89, 0xFE, 0, 126)
	errNonMinimalLength = broken(0x82, 0xFE, 0, 5)
	errCloseLength      = brokenClose("\x03")
	errCloseCode        = brokenClose("\x03\xed")
	errCloseReasonUTF8  = brokenClose("\x03\xe8\xff")
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
