package conform

import "fmt"

// opcodes are the cases 4.*: opcodes that RFC 6455 reserves, of data frames and of
// control frames.
func opcodes() []Case {
	g := group{title: "4 Opcodes"}
	for kind, first := range []byte{3, 11} {
		for i := range byte(5) {
			f := Frame{Opcode: first + i}
			what := "An empty frame"
			if i == 1 {
				f.Payload, what = []byte("reserved opcode payload"), "A frame"
			}
			id := fmt.Sprintf("4.%d.%d", kind+1, i+1)
			if i < 2 {
				g.add(id, fmt.Sprintf("Opcode %d", f.Opcode), fmt.Sprintf("%s with the reserved opcode %d.", what, f.Opcode),
					failsAtOnce, exchange{steps: []step{all(f)}, end: failed})
				continue
			}
			if i > 2 {
				f.Payload, what = []byte(hello), "a frame"
			} else {
				what = "an empty frame"
			}
			chop, how := 0, ""
			if i == 4 {
				chop, how = 1, ", byte by byte"
			}
			g.add(id, fmt.Sprintf("Opcode %d behind a message%s", f.Opcode, how),
				fmt.Sprintf("A text message, %s with the reserved opcode %d, a ping%s.", what, f.Opcode, how),
				echoThenFails, exchange{
					steps: []step{chopped(chop, text(hello), f, ping(""))},
					ok:    []event{textEvent(hello)},
					lax:   []event{},
					end:   failed,
				})
		}
	}
	return g.cases
}
