// Package conn provides a WebSocket connection (RFC 6455), its messages and its limits.
//
// Packages server and client make connections, and pass a [Conn] to each callback:
//
//	srv := &server.Server{
//		OnMessage: func(c *conn.Conn, m conn.Message) {
//			c.SendMessage(m) // back to the client
//		},
//	}
//
// The text here is about a server's connections. For those of package client, read "the
// server" where it says "the client".
//
// # Sending
//
// [Conn.Send], SendText, SendBinary and SendMessage queue a message and never wait. Use them
// for answers and for broadcasts. Frames that a client does not read wait in memory, up to
// MaxPending bytes. A message that does not fit meets the connection's [Overflow] policy. By
// default that closes the connection.
//
// Most programs ignore the errors of these methods, and rightly. If the connection is closing,
// the OnClose callback says so. If a message is too large, the log has a line. Look at the error
// if the policy is [OverflowRefuse], or if a text may not be UTF-8.
//
// A single message larger than MaxPending, 1 MiB by default, is never sent, not even to a fast
// client: Send fails with [ErrMessageTooLarge]. Raise MaxPending along with MaxMessageSize. Or
// use [Conn.NewWriter], which sends one message in fragments, while the program makes it. It
// may be of any length if the program waits for the client, as [Writer.CopyFrom] does.
//
// [Prepare] encodes a message once for many connections, which [Conn.SendPrepared] sends to each.
//
// [Conn.SendWait] waits for room. Use it for a long history, the rows of a query or an export.
// Never call it with a lock held that others need: a slow client would hold them all up. It
// fails on an event loop, where callbacks run by default.
//
// Text must be UTF-8 (RFC 6455 5.6). Received text has been checked, and text to send is
// checked: text that is not UTF-8 fails with [ErrNotUTF8]. Set [Message].Valid to skip the
// check.
//
// # Concurrency
//
// All methods of a Conn may be called from any goroutine, callbacks included. They never
// block, except SendWait, Receive and a loop over Messages. No method of a Conn calls a
// callback inside itself: a send that closes the connection only has OnClose called later. So a
// program may hold a lock while it sends, and take the same lock in its callbacks.
//
// Messages that one goroutine sends arrive in its order. Messages of several goroutines are
// not mixed. A [Reader] and a [Writer] are each for one goroutine at a time. While a Reader
// waits, the connection's OnPing and OnPong callbacks may run inside its Read.
//
// The callbacks of one connection never run at the same time. They run in order: OnConnection,
// then those for messages and control frames as they arrived, then OnClose, exactly once and
// last. Callbacks of different connections do run at the same time.
//
// # Where callbacks run
//
// With [OnLoop], the default, callbacks run on the event loop. What they send leaves in one
// write when they have returned. They must not block: a callback that takes a second holds up
// every connection of its loop for a second. A mutex that is held briefly is fine. I/O, a
// channel send, time.Sleep and a long computation are not.
//
// With [OnGoroutines], callbacks run on goroutines and may block. An idle connection has no
// goroutine. Messages that wait for a slow callback are bounded by QueueMessages and
// QueueBytes. When that is full, the connection is not read, so TCP slows the client down.
//
// With [Adaptive], OnMessage runs on the loop as long as it returns soon, and all else is as with
// OnGoroutines. A callback that holds the loop for a millisecond loses it to another goroutine.
//
// A callback may send, close, set other callbacks, and keep the Conn, for this connection and
// for others. If a callback panics or calls runtime.Goexit, its connection closes with 1011
// (InternalError) and the stack is logged. Other connections are not affected.
//
// # Reading instead of being called
//
// A program may read in a loop of its own, on its own goroutine, in place of OnMessage:
//
//	for m, err := range c.Messages(ctx) { … }
//
// [Conn.Receive] waits for one message. Both work on servers and clients, with the same limits. A
// server's program asks for it in OnConnection, a client's whenever it likes. A connection that
// waits for a message costs its goroutine. Package wsjson receives and sends JSON values, and
// [NetConn] makes a net.Conn of a connection.
//
// # Working in a connection's order
//
// [Conn.Do] runs a function where the connection's callbacks run, and never at the same time
// as one of them. [Conn.AfterFunc] does so later. So a program that gets its answers from
// elsewhere needs no lock for what it knows about a connection:
//
//	timer, err := c.AfterFunc(10*time.Second, func(c *conn.Conn) {
//		c.Close(4408, "connection initialisation timeout")
//	})
//
// # Streaming
//
// An OnStream callback reads a message while it arrives, from a [Reader]. It runs on a
// goroutine, whatever the Dispatch. Bytes that it does not read stay in the socket, so a long
// message takes bounded memory. MaxMessageSize, 256 KiB by default, holds for streams too:
// raise it for uploads. io.Copy from a Reader to a [Writer] forwards a message.
//
// # Memory
//
// A payload passed to a callback is valid until the callback returns; copy to keep. Programs
// built with the tag "poison" have it overwritten then, which finds those that do not copy.
// Bytes passed to a method that sends belong to the caller again when the method returns.
//
// An idle connection holds no buffer and no goroutine. Receiving, echoing and sending messages
// allocates nothing in the steady state. A stream allocates its Reader, and NewWriter its
// Writer.
//
// # Limits
//
// [Limits] has every limit of a connection, each with a default that is safe on the internet.
// [Conn.SetLimits] changes them for one connection, at any time.
//
// # Compression
//
// If the opening handshake agreed on permessage-deflate (RFC 7692), messages of
// DeflateThreshold bytes or more are sent compressed, and compressed messages are inflated.
// Callbacks do not notice it: payloads and MaxMessageSize count uncompressed bytes, MaxPending
// counts the frames as they are sent. [Message].Uncompressed and [Writer.DisableCompression]
// send a message as it is.
//
// The work of compression is bounded separately, by CompressionPerSecond, since a short message
// can inflate to a thousand times its size.
//
// With context takeover, each direction of a connection keeps up to a window of earlier data,
// 32 KiB at most, from its first compressed message on. Without it a connection keeps nothing.
// Messages that a policy may drop, and messages that wait behind a Writer, do not refer to
// earlier ones, and so compress less.
//
// # Closing
//
// [Conn.Close] sends what is pending and a Close frame, and waits in the background for the
// client's Close frame, for at most CloseTimeout. The close codes are constants of package
// frame, such as [frame.NormalClosure]. [Conn.Abort] cuts the connection without a Close
// frame.
//
// A Close frame from the client is answered after the callbacks for earlier messages have
// returned, so their answers still go out. After a Close frame of either side nothing can be
// sent (RFC 6455 5.5.1).
//
// [CloseInfo] tells the OnClose callback how the connection ended: which side began, both close
// codes, the reason, the error, and how many bytes were lost.
package conn
