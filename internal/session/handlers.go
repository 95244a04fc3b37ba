package session

// Handlers are the callbacks of a connection. Every one may be nil.
//
// Callbacks of one connection never run at the same time and come in order:
// Open, then messages and control frames as they arrived, then Close exactly
// once and nothing after it. Where they run is [Config].Dispatch's to say; a
// Stream callback runs on a goroutine always.
//
// Every []byte is valid until the callback returns; copy to keep. A callback
// that panics closes its connection with 1011 and is logged; nothing else
// notices. The package documentation says what a callback may do.
type Handlers struct {
	// Open runs once the opening handshake is done.
	Open func(*Conn)
	// Message gets each whole message (RFC 6455 5.4), at most
	// [Config].MaxMessageSize bytes. Without it, and without Stream, messages are
	// read and dropped, unless they are kept for [Incoming.Receive].
	Message func(*Conn, Message)
	// Stream gets each message while it is still arriving, in place of Message. It
	// may block; what it leaves unread is dropped.
	Stream func(*Conn, *Reader)
	// Ping gets each ping, in place of the automatic pong (RFC 6455 5.5.2).
	Ping func(*Conn, []byte)
	// Pong gets each pong, asked for or not (RFC 6455 5.5.3).
	Pong func(*Conn, []byte)
	// Close runs last, once the socket is gone.
	Close func(*Conn, CloseInfo)
	// Drained runs when everything pending has been taken by the socket, after it
	// had refused some or a send had failed with ErrPendingFull.
	Drained func(*Conn)
}
