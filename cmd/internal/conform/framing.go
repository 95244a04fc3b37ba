package conform

import (
	"bytes"
	"fmt"
)

// framing are the cases 1.*: messages of the lengths at which a header's form changes.
func framing() []Case {
	g := group{title: "1 Framing"}
	lengths := []struct{ length, chop int }{
		{0, 0}, {125, 0}, {126, 0}, {127, 0}, {128, 0}, {65535, 0}, {65536, 0}, {65536, 997},
	}
	for kind, opcode := range []byte{opText, opBinary} {
		for i, l := range lengths {
			payload := bytes.Repeat([]byte("*"), l.length)
			want := event{gotText, payload}
			if opcode == opBinary {
				payload = bytes.Repeat([]byte{0xfe}, l.length)
				want = event{gotBinary, payload}
			}
			name := opcodeName(opcode)
			title := fmt.Sprintf("A %s message of %s", name, counted(l.length, "byte"))
			sent := fmt.Sprintf("A %s message of %s in one frame", name, counted(l.length, "byte"))
			if l.chop != 0 {
				title += fmt.Sprintf(", in chops of %d", l.chop)
				sent += fmt.Sprintf(", in pieces of %s", counted(l.chop, "byte"))
			}
			g.add(fmt.Sprintf("1.%d.%d", kind+1, i+1), title, sent+".", echoed, exchange{
				steps: []step{chopped(l.chop, Frame{Opcode: opcode, Payload: payload})},
				ok:    []event{want},
				end:   normal,
			})
		}
	}
	return g.cases
}
