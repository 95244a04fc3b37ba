package handshake

// ExpectsContinue reports whether the client waits for 100 (Continue): RFC 9110 10.1.1.
func (r *Request) ExpectsContinue() bool { return r.hasToken(expectField, "100-continue") }

// checkExpect refuses a line of Expect with any expectation other than 100-continue.
func checkExpect(line []byte) error {
	for len(line) > 0 {
		var element []byte
		element, line = cutElement(line)
		if len(element) > 0 && !equalFold(element, "100-continue") {
			return ErrExpectation
		}
	}
	return nil
}
