package handshake

import "github.com/framerail/framerail/internal/token"

// CheckExtensions holds one line of Sec-WebSocket-Extensions to its grammar, a list of
// extensions, in time linear in its length: RFC 6455 9.1. An empty list is ignored, as by
// [CheckSubprotocols]. What each extension says is not looked at. The error is
// [ErrExtensions].
func CheckExtensions[T text](line T) error {
	for {
		name, _, rest, ok := token.CutExtension(line)
		if !ok {
			return ErrExtensions
		}
		if len(name) == 0 {
			return nil
		}
		line = rest
	}
}

// Extensions yields the value of each line of Sec-WebSocket-Extensions, in order: use it
// as for line := range r.Extensions. The lines are views of the head: valid as long as
// the head is unchanged; copy to keep. It does not allocate.
func (r *Request) Extensions(yield func(line []byte) bool) { r.lines(extensionsField, yield) }
