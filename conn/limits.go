package conn

import (
	"time"

	"github.com/framerail/framerail/internal/session"
)

// Limits bound what one connection may use. Server has them for all connections;
// server.Handshake.Limits and [Conn.SetLimits] set other ones for a single connection.
//
// In the server's Limits a zero means the default given with each field, which is safe on the
// internet. In those of a connection a zero means the server's value.
type Limits struct {
	// MaxMessageSize is the size of the longest message that may arrive, in bytes over all
	// its fragments, and after decompression. A longer one closes the connection with 1009,
	// MessageTooBig. It holds for OnStream too. 0: 256 KiB.
	MaxMessageSize int64
	// MaxFragments is the number of fragments that a message that arrives may have. One more
	// closes the connection with 1008, PolicyViolation. 0: 131,072.
	MaxFragments int
	// MessagesPerSecond and ControlFramesPerSecond bound the rate at which messages, and
	// pings and pongs, arrive. Ten seconds' worth may come at once; more closes the
	// connection with 1008, PolicyViolation. A program that sends pings must allow for their
	// pongs. More than 4,000 control frames count as 4,000. 0: 100,000 messages and 100
	// control frames. Negative: no limit.
	MessagesPerSecond      int
	ControlFramesPerSecond int
	// CompressionPerSecond bounds the work of compression, in bytes that messages inflate
	// to. A fifth of a second's worth may come at once. Beyond that the client is not read
	// from until half of the excess is worked off; nothing is closed.
	//
	// A block of DEFLATE with Huffman codes of its own counts as 2 KiB more. Messages that
	// callbacks on the loop send compressed to this client count too: each as 2 KiB, and each
	// byte twice at levels up to 4, 4 times up to level 7, 16 times at 8 and 64 times at 9.
	// 0: 128 MiB, which keeps a core busy for about a quarter of the time. Negative: no limit.
	CompressionPerSecond int
	// MaxPending bounds the bytes of frames that wait for the client to read. The [Overflow]
	// policy says what becomes of a message that does not fit. A single message larger than
	// MaxPending can only be sent with a [Writer]; Send fails with [ErrMessageTooLarge]. So a
	// server that sends on what it receives raises this along with MaxMessageSize. The log
	// warns at the start if MaxMessageSize is above MaxPending, unless both are set or OnStream
	// is. While more than three eighths are in use the client is not read from, until a quarter
	// is. 0: 1 MiB.
	MaxPending int
	// QueueMessages and QueueBytes bound what waits for callbacks on goroutines or for Receive. While either
	// is reached, the socket is not read, until half is left. 0: 64 messages, 64 KiB.
	QueueMessages int
	QueueBytes    int
	// IdleTimeout is how long the client may send nothing at all. A ping goes out at half of
	// it, so a client that is alive has something to answer. Then the connection is closed
	// with 1001, GoingAway, which tells clients to connect again. 0: 120 s. Negative: no limit.
	IdleTimeout time.Duration
	// WriteTimeout is how long the socket may take nothing at all while bytes are pending.
	// Then the connection is cut. 0: 30 s. Negative: no limit.
	WriteTimeout time.Duration
	// CloseTimeout bounds the closing handshake (RFC 6455 7.1.1). Then the connection is cut,
	// and what the system has not sent is discarded. 0: 5 s.
	CloseTimeout time.Duration
	// MaxLifetime bounds how long the connection lives. Then it is closed with 1001,
	// GoingAway, and the client connects again. Each connection gets a random tenth less, so
	// that clients that came together do not all come back at once. 0: 24 h. Negative: no
	// limit.
	MaxLifetime time.Duration
	// DeflateLevel is the level at which messages are compressed, from 1, the fastest, to 9,
	// the smallest result. There is only one level where the client asked for a window of
	// less than 15 bits. 0: 1.
	DeflateLevel int
	// DeflateThreshold is the size in bytes below which a message is sent uncompressed, since
	// it fits into one packet anyway. A message that compression makes longer is sent
	// uncompressed, too. 0: 256. Negative: every message is compressed, except those with
	// [Message].Uncompressed. Clients of libwebsockets 4.1 to 4.3 need that: they fail when a
	// message on a compressed connection comes uncompressed.
	DeflateThreshold int
}

// Limits returns the limits that hold for the connection, those of the server included. So a
// program can change one of them with SetLimits and leave the others.
func (c *Conn) Limits() Limits { return Limits((*session.Conn)(c).Limits()) }

// SetLimits sets limits of the connection's own, in place of all that the opening handshake or
// an earlier SetLimits set. They hold from the next message on, and for timers from now on. If
// they are set in OnConnection, or in the function given to Upgrade, that is the first one. A
// smaller MaxPending does not affect what waits already. MaxLifetime counts from now.
//
// SetLimits returns an error, and changes nothing, if a limit makes no sense, such as a negative
// MaxPending. It fails with [ErrClosed] if the connection is closing. Connections with the same
// limits share the memory for them.
func (c *Conn) SetLimits(l Limits) error { return (*session.Conn)(c).SetLimits(session.Limits(l)) }
