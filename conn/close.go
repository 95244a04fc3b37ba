package conn

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// Close begins the closing handshake (RFC 6455 7.1.2): it sends what is pending and then a
// Close frame with code and reason, and waits in the background for the client's Close frame,
// for at most CloseTimeout. Close itself does not wait. The close callback tells how the
// connection ended.
//
// After Close nothing can be sent. Messages that arrive later, or that wait for callbacks on
// goroutines, are dropped.
//
// The codes are constants of package frame, such as [frame.NormalClosure]. Codes from 4000 to
// 4999 are the program's own. The reason is UTF-8 of at most 123 bytes. With a code of 0 or [frame.NoStatusReceived] the
// Close frame has no code. Close fails, and sends nothing, if the code may not be sent (RFC
// 6455 7.4.1) or the reason is too long or not UTF-8. It fails with [ErrClosed] if the
// connection is closing already.
func (c *Conn) Close(code frame.CloseCode, reason string) error {
	return (*session.Conn)(c).Close(code, reason)
}

// Abort ends the connection at once. It sends no Close frame, and waits for nothing. Messages
// that are still pending may be lost. Use [Conn.Close] wherever the client can be told.
//
// After Abort nothing can be sent, and messages that wait for callbacks on goroutines are
// dropped. The close callback runs as always: [CloseInfo].Err is [ErrAborted], unless
// something went wrong before. On a closed connection Abort does nothing.
func (c *Conn) Abort() { (*session.Conn)(c).Abort() }

// CloseInfo returns how the connection ended, as the close callback gets it; ok is false
// before the connection is closed.
func (c *Conn) CloseInfo() (info CloseInfo, ok bool) {
	i, ok := (*session.Conn)(c).CloseInfo()
	if !ok {
		return CloseInfo{}, false
	}
	return closeInfo(i), true
}

// CloseInfo tells how a connection ended. The close callback gets it.
type CloseInfo struct {
	// By is the side that began to close.
	By Side
	// Sent is the close code that this side sent. It is NoStatusReceived for a Close frame
	// without a code, and 0 if no Close frame was sent.
	Sent frame.CloseCode
	// Received is the close code that the client sent. It is NoStatusReceived for a Close
	// frame without a code, and AbnormalClosure if no Close frame came (RFC 6455 7.1.5).
	Received frame.CloseCode
	// Reason is the text of the Close frame of the side that began to close.
	Reason string
	// Err is what went wrong: a *frame.Error for what the client did wrong, a *net.OpError
	// for the network, or one of this package's errors. Nil: both sides finished the closing
	// handshake.
	Err error
	// Unsent is how many bytes of frames were still pending, and are lost.
	Unsent int
	// Dropped is how many messages the [Overflow] policy dropped.
	Dropped int64
}

// closeInfo is the public form of how a connection ended.
func closeInfo(i session.CloseInfo) CloseInfo {
	return CloseInfo{
		By: Side(i.By), Sent: i.Sent, Received: i.Received, Reason: i.Reason,
		Err: i.Err, Unsent: i.Unsent, Dropped: i.Dropped,
	}
}

// Clean reports whether both sides finished the closing handshake (RFC 6455 7.1.4).
func (i CloseInfo) Clean() bool { return i.Err == nil }

// String returns all of it in one line, for logs.
func (i CloseInfo) String() string {
	return session.CloseInfo{
		By: session.Side(i.By), Sent: i.Sent, Received: i.Received, Reason: i.Reason,
		Err: i.Err, Unsent: i.Unsent, Dropped: i.Dropped,
	}.String()
}

// Side is the side that began to close a connection.
type Side uint8

const (
	// Nobody: the stream broke, or the client vanished, without a Close frame.
	Nobody Side = iota
	// Local: this side sent its Close frame first, or cut the connection.
	Local
	// Peer: the client sent its Close frame first.
	Peer
)

// String returns "nobody", "local" or "peer".
func (s Side) String() string { return session.Side(s).String() }
