package conform

// autoFragmentation are the cases 10.*: a message in many fragments of one size.
func autoFragmentation() []Case {
	g := group{title: "10 Fragments of one size"}
	const length, fragment = 65536, 1300
	payload := pattern(length, true)
	g.add("10.1.1", "64 KiB in fragments of 1300 bytes", "A text message of 65,536 bytes in fragments of 1,300.", echoed, exchange{
		steps: []step{all(fragments(opText, payload, fragment)...)},
		ok:    []event{textEvent(string(payload))},
		end:   normal,
	})
	return g.cases
}
