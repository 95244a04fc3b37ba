package conn

import "github.com/framerail/framerail/internal/session"

// Errors of calls that a program made. Compare with errors.Is.
var (
	// ErrClosed: the connection is closing or closed. Nothing may be sent after a Close
	// frame (RFC 6455 5.5.1).
	ErrClosed = session.ErrClosed
	// ErrPendingFull: the message does not fit into MaxPending, since the client does not
	// read. Nothing of it was sent. The drained callback tells when there is room again, and
	// SendWait waits for it. As CloseInfo.Err it means that [OverflowClose] closed the
	// connection.
	ErrPendingFull = session.ErrPendingFull
	// ErrMessageTooLarge: the message is larger than MaxPending and can never be sent, not
	// even to a client that reads. The connection stays open. Raise MaxPending, or use
	// [Writer.CopyFrom].
	ErrMessageTooLarge = session.ErrMessageTooLarge
	// ErrOnLoop: a call that waits was made on an event loop. Make it on a goroutine, or set
	// Dispatch to OnGoroutines.
	ErrOnLoop = session.ErrOnLoop
	// ErrMessageType: the message is neither Text nor Binary.
	ErrMessageType = session.ErrMessageType
	// ErrNotUTF8: the text is not UTF-8 (RFC 6455 5.6). Nothing of it was sent: browsers
	// would close the connection.
	ErrNotUTF8 = session.ErrNotUTF8
	// ErrControlTooLong: a ping or pong carries at most 125 bytes (RFC 6455 5.5).
	ErrControlTooLong = session.ErrControlTooLong
	// ErrTooManyFuncs: 1,024 functions of Do and AfterFunc wait for this connection.
	ErrTooManyFuncs = session.ErrTooManyFuncs
	// ErrWriterOpen: the connection has an open Writer already (RFC 6455 5.4).
	ErrWriterOpen = session.ErrWriterOpen
	// ErrWriterClosed: the Writer was closed.
	ErrWriterClosed = session.ErrWriterClosed
	// ErrNotReading: Receive or Messages was called on a connection that has a callback for
	// messages, or on a server for the first time after OnConnection had returned.
	ErrNotReading = session.ErrNotReading
	// ErrReaderDone: the callback that got this Reader has returned.
	ErrReaderDone = session.ErrReaderDone
)

// Reasons for which a connection ended, other than a Close frame. They are in [CloseInfo].Err,
// and what a [Reader] returns. Compare with errors.Is.
var (
	// ErrIdle: the client sent nothing, not even a pong, for IdleTimeout.
	ErrIdle = session.ErrIdle
	// ErrWriteStalled: the socket took nothing of what was pending for WriteTimeout.
	ErrWriteStalled = session.ErrWriteStalled
	// ErrShed: the server or client ran short of memory for buffers, and this connection held more of
	// it than most. See MaxBuffers in packages server and client.
	ErrShed = session.ErrShed
	// ErrCloseTimeout: the client did not finish the closing handshake within CloseTimeout.
	ErrCloseTimeout = session.ErrCloseTimeout
	// ErrAborted: the program called [Conn.Abort].
	ErrAborted = session.ErrAborted
	// ErrUnexpectedEOF: the client ended the stream without a Close frame, or within a
	// message. It matches io.ErrUnexpectedEOF.
	ErrUnexpectedEOF = session.ErrUnexpectedEOF
	// ErrTruncated: the TLS stream ended without close_notify, so anybody on the way may have
	// cut it (RFC 8446 6.1). It matches ErrUnexpectedEOF.
	ErrTruncated = session.ErrTruncated
	// ErrMessageCut: the connection closed within a message. It matches io.ErrUnexpectedEOF.
	ErrMessageCut = session.ErrMessageCut
	// ErrPanic: a callback panicked, or called runtime.Goexit. The log has its stack.
	ErrPanic = session.ErrPanic
	// ErrMessageRate and ErrControlRate: the client sent messages, or pings and pongs, faster
	// than MessagesPerSecond or ControlFramesPerSecond allows. Each is a *frame.Error.
	ErrMessageRate = session.ErrMessageRate
	ErrControlRate = session.ErrControlRate
	// ErrContextTakeover: a compressed message refers to an earlier one, which the opening
	// handshake ruled out. It is a *frame.Error. Some client libraries do so if the server
	// demands client_no_context_takeover and they had not offered it; see server.Deflate.
	ErrContextTakeover = session.ErrContextTakeover
)
