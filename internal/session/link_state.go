package session

// State is where a connection stands in its life. It only ever grows.
type State uint32

const (
	// Connecting: the opening handshake is under way (RFC 6455 4).
	Connecting State = iota
	// Open: messages pass both ways.
	Open
	// Closing: a Close frame was sent or received, or the stream has ended; no
	// more messages can be sent (RFC 6455 7.1.3).
	Closing
	// Closed: the socket is gone (RFC 6455 7.1.4).
	Closed
)

// String is the state in lower case, such as "open".
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Open:
		return "open"
	case Closing:
		return "closing"
	case Closed:
		return "closed"
	}
	return "unknown"
}
