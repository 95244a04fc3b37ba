package conform

import "fmt"

// Verdict says whether a server did in one case what the RFC asks. The zero value
// is Failed: what was never judged has not passed.
type Verdict uint8

const (
	Failed        Verdict = iota // something else came than any of what is expected
	OK                           // what came is what the RFC asks for
	NonStrict                    // allowed, but later or less than a strict reading asks for
	Informational                // either way is right; the result is there to be read
	Unimplemented                // the server declined the extension that the case is about
)

var verdictWords = [...]string{"FAILED", "OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"}

// Verdicts are all there are, the best first. The slice is the caller's.
func Verdicts() []Verdict {
	return []Verdict{OK, NonStrict, Informational, Unimplemented, Failed}
}

// String is the word that Autobahn's reports have.
func (v Verdict) String() string {
	if int(v) < len(verdictWords) {
		return verdictWords[v]
	}
	return fmt.Sprintf("Verdict(%d)", v)
}

// MarshalText is String.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText takes what String gives.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, word := range verdictWords {
		if word == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("conform: %q is no verdict", text)
}

// Closing says how a connection ended, held against how the case wants it to
// end. The zero value is ClosingFailed.
type Closing uint8

const (
	ClosingFailed        Closing = iota // ended by the wrong side, or never opened
	ClosingOK                           // as the case wants it
	ClosingWrongCode                    // the server's Close frame has a code that does not belong there
	ClosingUnclean                      // TCP ended without both Close frames, where they are due
	ClosingByClient                     // clean, but the server left it to the client to end TCP: RFC 6455 7.1.1
	ClosingInformational                // either way is right
	ClosingUnimplemented                // the case was not played, so its end says nothing
)

var closingWords = [...]string{"FAILED", "OK", "WRONG CODE", "UNCLEAN", "FAILED BY CLIENT", "INFORMATIONAL", "UNIMPLEMENTED"}

// String is the word that Autobahn's reports have.
func (c Closing) String() string {
	if int(c) < len(closingWords) {
		return closingWords[c]
	}
	return fmt.Sprintf("Closing(%d)", c)
}

// MarshalText is String.
func (c Closing) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText takes what String gives.
func (c *Closing) UnmarshalText(text []byte) error {
	for i, word := range closingWords {
		if word == string(text) {
			*c = Closing(i)
			return nil
		}
	}
	return fmt.Errorf("conform: %q is no way of closing", text)
}
