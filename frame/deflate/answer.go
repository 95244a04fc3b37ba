package deflate

import (
	"iter"

	"github.com/framerail/framerail/internal/token"
)

// AppendOffers appends a client's offers of the extension to dst, as the value of
// Sec-WebSocket-Extensions, and returns the extended slice. It makes one offer for each wish,
// the most wanted first. Without a wish nothing is appended. RFC 7692 7.1.
//
// The server's parameters in a wish are conditions: a server that cannot keep them must decline
// that offer. The client's parameters are promises, and hold whatever the server answers. Every
// offer lets the server bound the client's window.
func AppendOffers(dst []byte, wishes ...Params) []byte {
	for i, wish := range wishes {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = wish.append(dst)
		if wish.ClientMaxWindowBits == 0 {
			dst = append(dst, "; "+clientMaxWindowBits...)
		}
	}
	return dst
}

// answerError is a rule that a server's answer breaks: the client fails the connection.
// Rule and Section say which rule it is.
type answerError struct {
	Rule    string // what was broken, in words
	Section string // where it is written, such as "RFC 7692 7.1"
}

// Error names the rule and where it is written.
func (e *answerError) Error() string { return "framerail: " + e.Rule + " (" + e.Section + ")" }

// The rules that an answer can break.
var (
	errAnswerGrammar    = &answerError{"the answer's extensions break their grammar", "RFC 6455 9.1"}
	errAnswerNotOffered = &answerError{"the answer names an extension that was not offered", "RFC 6455 4.1"}
	errAnswerRepeated   = &answerError{"the answer names the extension twice", "RFC 7692 5.1"}
	errAnswerParameter  = &answerError{"a parameter in the answer is unknown, repeated or has a value that it may not have", "RFC 7692 7.1"}
	errAnswerMismatch   = &answerError{"the answer fits no offer", "RFC 7692 7.1"}
)

// CheckAnswer checks a server's answer, for a client. lines are the values of the answer's
// Sec-WebSocket-Extensions fields in order, and wishes those that were given to [AppendOffers].
// The result is what was agreed, by the first offer that the answer fits. ok is false if the
// server declined all offers: frames are not compressed then. The error is an
// error that names the broken rule. RFC 6455 4.1, RFC 7692 5.1 and 7.1.
//
// The client must have offered no other extension. CheckAnswer keeps nothing and does
// not allocate.
func CheckAnswer[T ~string | ~[]byte](lines iter.Seq[T], wishes ...Params) (agreed Params, ok bool, err error) {
	var answer parameters
	for line := range lines {
		for {
			name, params, rest, sound := token.CutExtension(line)
			switch {
			case !sound:
				return Params{}, false, errAnswerGrammar
			case len(name) > 0 && (len(wishes) == 0 || !is(name, extensionName)):
				return Params{}, false, errAnswerNotOffered
			case len(name) > 0 && ok:
				return Params{}, false, errAnswerRepeated
			}
			if len(name) == 0 {
				break
			}
			// RFC 7692 7.1.2.2: only in an offer may client_max_window_bits stand
			// without a value.
			answer, ok = readParameters(params)
			if !ok || answer.clientWindow && answer.ClientMaxWindowBits == 0 {
				return Params{}, false, errAnswerParameter
			}
			line = rest
		}
	}
	if !ok {
		return Params{}, false, nil
	}
	for _, wish := range wishes {
		if answer.fits(wish) {
			return answer.agreedBy(wish), true, nil
		}
	}
	return Params{}, false, errAnswerMismatch
}

// fits reports whether a server may answer so to the offer made of wish. It accepts a condition by
// repeating it: RFC 7692 7.1.1.1 and 7.1.2.1.
func (answer *parameters) fits(wish Params) bool {
	if wish.ServerNoContextTakeover && !answer.ServerNoContextTakeover {
		return false
	}
	window := answer.ServerMaxWindowBits
	return wish.ServerMaxWindowBits == 0 || window != 0 && window <= wish.ServerMaxWindowBits
}

// agreedBy is what the answer to the offer made of wish agrees on: the server's parameters, and the
// client's promises, whether the server repeats them or not (7.1.1.2, 7.1.2.2).
func (answer *parameters) agreedBy(wish Params) Params {
	agreed := answer.Params
	agreed.ClientNoContextTakeover = agreed.ClientNoContextTakeover || wish.ClientNoContextTakeover
	agreed.ClientMaxWindowBits = smaller(agreed.ClientMaxWindowBits, wish.ClientMaxWindowBits)
	return agreed
}
