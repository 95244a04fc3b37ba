package session

import "github.com/framerail/framerail/frame"

// textSoFar is what a Writer knows of its text.
type textSoFar struct {
	checks bool // it is text, and to be checked
	state  frame.TextCheck
}

// check tells whether p may follow, and the state behind it.
func (t *textSoFar) check(p []byte) (behind frame.TextCheck, err error) {
	behind = t.state
	if t.checks && behind.Accept(p, false) < len(p) {
		return behind, ErrNotUTF8
	}
	return behind, nil
}

// taken notes that of p, which was checked, n bytes were taken.
func (t *textSoFar) taken(p []byte, n int, behind frame.TextCheck) {
	switch {
	case !t.checks:
	case n == len(p):
		t.state = behind
	default:
		t.state.Accept(p[:n], false)
	}
}

// end tells whether the text may end here.
func (t *textSoFar) end() error {
	if whole := t.state; whole.Accept(nil, true) < 0 {
		return ErrNotUTF8
	}
	return nil
}
