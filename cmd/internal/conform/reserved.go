package conform

import "fmt"

// hello is a short text.
const hello = "Hello, world!"

// reservedBits are the cases 3.*: bits that nothing agreed gives a meaning.
func reservedBits() []Case {
	g := group{title: "3 Reserved bits"}
	alone := func(id string, f Frame) {
		name := opcodeName(f.Opcode)
		g.add(id, fmt.Sprintf("Reserved bits %03b in a %s frame", f.RSV, name),
			fmt.Sprintf("A %s frame with reserved bits %03b, where no extension was agreed.", name, f.RSV), failsAtOnce,
			exchange{steps: []step{all(f)}, end: failed})
	}
	behind := func(id string, chop int, how string, rsv byte) {
		g.add(id, fmt.Sprintf("Reserved bits %03b in a second message%s", rsv, how),
			fmt.Sprintf("A text message, another with reserved bits %03b, a ping%s.", rsv, how), echoThenFails, exchange{
				steps: []step{chopped(chop, text(hello), text(hello).reserved(rsv), ping(""))},
				ok:    []event{textEvent(hello)},
				lax:   []event{},
				end:   failed,
			})
	}
	alone("3.1", text(hello).reserved(1))
	behind("3.2", 0, "", 2)
	behind("3.3", eachFrame, ", frame by frame", 3)
	behind("3.4", 1, ", byte by byte", 4)
	alone("3.5", binaryFrame([]byte("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")).reserved(5))
	alone("3.6", ping(hello).reserved(6))
	alone("3.7", Frame{Opcode: opClose}.reserved(7))
	return g.cases
}
