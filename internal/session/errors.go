package session

import (
	"errors"
	"fmt"
	"io"

	"github.com/framerail/framerail/internal/transport"
)

// Errors come in three kinds. What the peer did against RFC 6455 or the limits
// is a [frame.Error], which carries the close code. What the program did wrong
// is one of the ErrXxx below, returned by the call that did it. What the network
// did is a [net.OpError], which wraps the system's error.
var (
	// ErrClosed: the connection is closing or closed. RFC 6455 5.5.1 allows no
	// data after a Close frame, so nothing can be forced through.
	ErrClosed = errors.New("framerail: connection is closed")
	// ErrPendingFull: the send would have passed the bound on pending bytes.
	// Nothing of it was sent; the Drained callback tells when what is pending has
	// left, and SendAsWait waits for room. In [CloseInfo]: the connection was closed for it, see [OverflowClose].
	ErrPendingFull = errors.New("framerail: the message does not fit into MaxPending: the peer does not read")
	// ErrMessageTooLarge: the message is larger than the bound on pending bytes, so
	// that it could never be sent. It is no fault of the peer's: nothing else happens.
	ErrMessageTooLarge = errors.New("framerail: message is larger than MaxPending and can never be sent")
	// ErrOnLoop: a call that waits, such as SendAsWait, was made on an event loop, which
	// would wait for itself. Nothing was sent.
	ErrOnLoop = errors.New("framerail: a call that waits was made on an event loop: call it on a goroutine, or set Dispatch to OnGoroutines")
	// ErrMessageType: a message is Text or Binary, nothing else.
	ErrMessageType = errors.New("framerail: message type is neither text nor binary")
	// ErrNotUTF8: text is UTF-8 (RFC 6455 5.6), and this is not. Nothing of it was sent:
	// browsers and other strict peers would fail the connection.
	ErrNotUTF8 = errors.New("framerail: text is not UTF-8")
	// ErrControlTooLong: a ping or pong carries at most 125 bytes (RFC 6455 5.5).
	ErrControlTooLong = errors.New("framerail: control frame payload is over 125 bytes")
	// ErrTooManyFuncs: as many functions as may wait for this connection do already.
	ErrTooManyFuncs = errors.New("framerail: too many functions wait for this connection")
	// ErrWriterOpen: a fragmented message is being written already; fragments of
	// two messages may not be mixed (RFC 6455 5.4).
	ErrWriterOpen = errors.New("framerail: a message writer is open already")
	// ErrWriterClosed: the message was ended by Close.
	ErrWriterClosed = errors.New("framerail: message writer is closed")
	// ErrReaderDone: the callback that was given this reader has returned.
	ErrReaderDone = errors.New("framerail: reader used after its callback returned")
)

// Why a connection ended, where it was neither side's Close.
var (
	// ErrIdle: the peer sent nothing, not even a pong, for the idle timeout.
	ErrIdle = errors.New("framerail: peer was silent for the idle timeout")
	// ErrWriteStalled: the socket took nothing of what was pending for the write
	// timeout. [CloseInfo].Unsent is what was lost.
	ErrWriteStalled = errors.New("framerail: socket took nothing for the write timeout")
	// ErrShed: the server was short of memory for buffers, and this connection was
	// among those that held most.
	ErrShed = errors.New("framerail: connection was closed for the memory it held")
	// ErrCloseTimeout: the peer did not finish the closing handshake in time.
	ErrCloseTimeout = errors.New("framerail: peer did not finish the closing handshake in time")
	// ErrAborted: the program, or the shutdown of its server, cut the connection.
	ErrAborted = errors.New("framerail: connection was cut by this side")
	// ErrUnexpectedEOF: the peer ended the stream without a Close frame, or in the
	// middle of a message. It matches io.ErrUnexpectedEOF.
	ErrUnexpectedEOF = transport.ErrUnexpectedEOF
	// ErrTruncated is ErrUnexpectedEOF over TLS where the stream ended without a
	// close_notify: anybody on the way may have cut it (RFC 8446 6.1). It matches
	// ErrUnexpectedEOF.
	ErrTruncated = transport.ErrTruncated
	// ErrMessageCut: the connection closed in the middle of a message. It matches
	// io.ErrUnexpectedEOF.
	ErrMessageCut = fmt.Errorf("framerail: connection closed in the middle of a message: %w", io.ErrUnexpectedEOF)
	// ErrPanic: a callback panicked, or ended its goroutine with runtime.Goexit; the
	// log has its stack.
	ErrPanic = errors.New("framerail: a callback panicked")

	errGoexit = fmt.Errorf("%w: it called runtime.Goexit", ErrPanic)
)
