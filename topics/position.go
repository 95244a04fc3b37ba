package topics

import (
	"errors"
	"strconv"
	"strings"
)

// Position is a place in the messages of a topic: behind the message with that Offset. The
// zero Position is no place in any topic.
//
// Its text form, such as "8a3f.17", suits JSON: numbers of this size lose digits in a browser.
type Position struct {
	Epoch  uint64 // differs from those of the topic's earlier lives, and of other processes
	Offset uint64 // how many messages were published in this epoch
}

// String returns the text form of the position.
func (p Position) String() string {
	b, _ := p.AppendText(nil)
	return string(b)
}

// AppendText implements encoding.TextAppender.
func (p Position) AppendText(b []byte) ([]byte, error) {
	b = strconv.AppendUint(b, p.Epoch, 16)
	return strconv.AppendUint(append(b, '.'), p.Offset, 10), nil
}

// MarshalText implements encoding.TextMarshaler.
func (p Position) MarshalText() ([]byte, error) { return p.AppendText(nil) }

var errPosition = errors.New("framerail: not a position")

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Position) UnmarshalText(text []byte) error {
	epoch, offset, ok := strings.Cut(string(text), ".")
	e, err1 := strconv.ParseUint(epoch, 16, 64)
	o, err2 := strconv.ParseUint(offset, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return errPosition
	}
	*p = Position{e, o}
	return nil
}
