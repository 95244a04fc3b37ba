package conform

import (
	"fmt"
	"strings"
)

// closings are the cases 7.*: Close frames, right and wrong, and what comes behind.
func closings() []Case {
	g := group{title: "7 Closing"}
	const (
		clean   = "The Close is answered, with 1000 or without a code, and TCP ended."
		ignored = clean + " What came behind it is ignored."
		refused = "The server answers with 1002, or ends TCP."
	)
	closes := func(id, title, sent, expected string, end ending, frames ...Frame) {
		g.add(id, title, sent, expected, exchange{steps: []step{all(frames...)}, end: end})
	}
	bye := closeFrame(1000, "")
	withCode := func(end ending) ending { end.fatalCode = true; return end }

	g.add("7.1.1", "A message, then a Close", "A text message; when it is back, a Close with 1000.", "The message, then: "+clean,
		exchange{steps: []step{all(text(hello))}, ok: []event{textEvent(hello)}, end: withCode(normal)})
	closes("7.1.2", "Two Close frames", "A Close with 1000, and another.", ignored, closedBack, bye, Frame{Opcode: opClose})
	closes("7.1.3", "A ping behind a Close", "A Close with 1000, then a ping.", ignored, closedBack, bye, ping(""))
	closes("7.1.4", "A message behind a Close", "A Close with 1000, then a text message.", ignored, closedBack, bye, text(hello))
	closes("7.1.5", "A Close between fragments", "A fragment, a Close with 1000, the last fragment.", ignored, closedBack,
		text("fragment1").more(), bye, continuation("fragment2"))
	long := pattern(256<<10, true)
	g.add("7.1.6", "Much, then a Close", "A text message of 256 KiB, a short one, a Close with 1000 and a ping, in one piece.",
		"Both messages, one or none before the Close is answered: that depends on how the server is built.", exchange{
			steps:         []step{all(text(string(long)), text(hello), bye, ping(""))},
			ok:            []event{textEvent(string(long)), textEvent(hello)},
			end:           closedBack,
			informational: true,
		})

	closes("7.3.1", "A Close without a code", "A Close frame without payload.", clean, closedBack, Frame{Opcode: opClose})
	closes("7.3.2", "Half a code", "A Close frame with a payload of 1 byte.", refused, closeRefused, Frame{Opcode: opClose, Payload: []byte("a")})
	closes("7.3.3", "A Close with a code", "A Close frame with 1000.", clean, closedBack, bye)
	closes("7.3.4", "A Close with a reason", "A Close frame with 1000 and a reason.", clean, closedBack, closeFrame(1000, hello))
	closes("7.3.5", "The longest reason", "A Close frame with 1000 and a reason of 123 bytes.", clean, closedBack, closeFrame(1000, strings.Repeat("*", 123)))
	closes("7.3.6", "A reason too long", "A Close frame with 1000 and a reason of 124 bytes, 126 in all.", refused, closeRefused,
		closeFrame(1000, strings.Repeat("*", 124)))
	notText := closeRefused
	notText.codes = []uint16{1002, 1007}
	closes("7.5.1", "A reason that is not UTF-8", "A Close frame with 1000 and a reason with a surrogate in its midst.",
		"The server answers with 1007 or 1002, or ends TCP.", notText, closeFrame(1000, greek+surrogate+edited))

	for i, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		end := closedBack
		end.codes = []uint16{1000, code}
		closes(fmt.Sprintf("7.7.%d", i+1), fmt.Sprintf("Code %d", code), fmt.Sprintf("A Close frame with %d, which may be sent.", code),
			"The Close is answered, with the same code, with 1000 or without one, and TCP ended.", end, closeFrame(code, ""))
	}
	for i, code := range []uint16{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		closes(fmt.Sprintf("7.9.%d", i+1), fmt.Sprintf("Code %d", code), fmt.Sprintf("A Close frame with %d, which may not be sent.", code),
			refused, closeRefused, closeFrame(code, ""))
	}
	for i, code := range []uint16{5000, 65535} {
		g.add(fmt.Sprintf("7.13.%d", i+1), fmt.Sprintf("Code %d", code), fmt.Sprintf("A Close frame with %d.", code),
			"RFC 6455 does not say what such a code means.", exchange{
				steps: []step{all(closeFrame(code, ""))}, end: closeRefused, informational: true,
			})
	}
	return g.cases
}
