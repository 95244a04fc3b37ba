// Package conn is one WebSocket connection, as programs see it.
package conn

import "github.com/framerail/framerail/internal/session"

type (
	Cause       = session.Cause
	CauseCounts = session.CauseCounts
	CloseCounts = session.CloseCounts
	CloseInfo   = session.CloseInfo
	CloseKind   = session.CloseKind
	Config      = session.Config
	Conn        = session.Conn
	Counters    = session.Counters
	Deflate     = session.Deflate
	Dispatch    = session.Dispatch
	Driver      = session.Driver
	FrameCounts = session.FrameCounts
	Handlers    = session.Handlers
	Host        = session.Host
	Limits      = session.Limits
	Loop        = session.Loop
	Message     = session.Message
	MessageType = session.MessageType
	OpError     = session.OpError
	Opening     = session.Opening
	Overflow    = session.Overflow
	Overflows   = session.Overflows
	Reader      = session.Reader
	Scheduler   = session.Scheduler
	Side        = session.Side
	State       = session.State
	Timer       = session.Timer
	Traffic     = session.Traffic
	Writer      = session.Writer
)

const (
	Aborted                       = session.Aborted
	Binary                        = session.Binary
	CheckedText                   = session.CheckedText
	Clean                         = session.Clean
	CloseTimedOut                 = session.CloseTimedOut
	Closed                        = session.Closed
	Closing                       = session.Closing
	Connecting                    = session.Connecting
	DefaultCloseTimeout           = session.DefaultCloseTimeout
	DefaultCompressionPerSecond   = session.DefaultCompressionPerSecond
	DefaultControlFramesPerSecond = session.DefaultControlFramesPerSecond
	DefaultIdleTimeout            = session.DefaultIdleTimeout
	DefaultMaxFragments           = session.DefaultMaxFragments
	DefaultMaxMessageSize         = session.DefaultMaxMessageSize
	DefaultMaxPending             = session.DefaultMaxPending
	DefaultMessagesPerSecond      = session.DefaultMessagesPerSecond
	DefaultPingInterval           = session.DefaultPingInterval
	DefaultQueueBytes             = session.DefaultQueueBytes
	DefaultQueueMessages          = session.DefaultQueueMessages
	DefaultThreshold              = session.DefaultThreshold
	DefaultUnsentLimit            = session.DefaultUnsentLimit
	DefaultWriteTimeout           = session.DefaultWriteTimeout
	EOF                           = session.EOF
	Idle                          = session.Idle
	Local                         = session.Local
	MaxControlFramesPerSecond     = session.MaxControlFramesPerSecond
	Network                       = session.Network
	Nobody                        = session.Nobody
	OnGoroutines                  = session.OnGoroutines
	OnLoop                        = session.OnLoop
	Open                          = session.Open
	OverflowClose                 = session.OverflowClose
	OverflowDropOldest            = session.OverflowDropOldest
	OverflowLatest                = session.OverflowLatest
	OverflowRefuse                = session.OverflowRefuse
	Overflowed                    = session.Overflowed
	Oversize                      = session.Oversize
	Panicked                      = session.Panicked
	Peer                          = session.Peer
	Protocol                      = session.Protocol
	ReadSize                      = session.ReadSize
	Shed                          = session.Shed
	Text                          = session.Text
	TooFast                       = session.TooFast
	WriteStalled                  = session.WriteStalled
	WriterSize                    = session.WriterSize
)

var (
	ErrAborted         = session.ErrAborted
	ErrCloseTimeout    = session.ErrCloseTimeout
	ErrClosed          = session.ErrClosed
	ErrContextTakeover = session.ErrContextTakeover
	ErrControlRate     = session.ErrControlRate
	ErrControlTooLong  = session.ErrControlTooLong
	ErrIdle            = session.ErrIdle
	ErrMessageCut      = session.ErrMessageCut
	ErrMessageRate     = session.ErrMessageRate
	ErrMessageTooLarge = session.ErrMessageTooLarge
	ErrMessageType     = session.ErrMessageType
	ErrNotUTF8         = session.ErrNotUTF8
	ErrOnLoop          = session.ErrOnLoop
	ErrPanic           = session.ErrPanic
	ErrPendingFull     = session.ErrPendingFull
	ErrReaderDone      = session.ErrReaderDone
	ErrShed            = session.ErrShed
	ErrTooManyFuncs    = session.ErrTooManyFuncs
	ErrTruncated       = session.ErrTruncated
	ErrUnexpectedEOF   = session.ErrUnexpectedEOF
	ErrWriteStalled    = session.ErrWriteStalled
	ErrWriterClosed    = session.ErrWriterClosed
	ErrWriterOpen      = session.ErrWriterOpen
)

// Send sends a string as text, bytes as binary.
func Send[T ~string | ~[]byte](c *Conn, v T) error { return session.Send(c, v) }
