package conform

import (
	"fmt"
	"strings"
)

// closeCodes are cases that Autobahn leaves out: codes that IANA registered later, and
// Close frames that are wrong in other ways.
func closeCodes() []Case {
	g := group{title: "Close"}
	for _, code := range []uint16{1012, 1013, 1014} {
		end := closedBack
		end.codes = []uint16{1000, code}
		g.add(g.next("close"), fmt.Sprintf("Code %d", code), fmt.Sprintf("A Close frame with %d, which IANA registered after the RFC.", code),
			"The Close is answered, with the same code, with 1000 or without one, and TCP ended.",
			exchange{steps: []step{all(closeFrame(code, ""))}, end: end})
	}
	const refused = "The server answers with 1002, or ends TCP."
	g.add(g.next("close"), "Code 1015", "A Close frame with 1015, which may not be sent.", refused,
		exchange{steps: []step{all(closeFrame(1015, ""))}, end: closeRefused})
	g.add(g.next("close"), "A Close in two fragments", "A Close frame that is not final.", refused,
		exchange{steps: []step{all(closeFrame(1000, "").more())}, end: closeRefused})
	notText := closeRefused
	notText.codes = []uint16{1002, 1007}
	g.add(g.next("close"), "A reason cut within a character", "A Close frame with 1000 and a reason of which the last character lacks a byte.",
		"The server answers with 1007 or 1002, or ends TCP.",
		exchange{steps: []step{all(closeFrame(1000, "caf\xc3"))}, end: notText})
	g.add(g.next("close"), "A reason beyond ASCII", "A Close frame with 1000 and 123 bytes of characters of three bytes.",
		"The Close is answered, with 1000 or without a code, and TCP ended.",
		exchange{steps: []step{all(closeFrame(1000, strings.Repeat("\u20ac", 41)))}, end: closedBack})
	return g.cases
}
