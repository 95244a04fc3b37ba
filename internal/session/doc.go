// Package session is the machine of one WebSocket connection (RFC 6455) behind an event
// loop: its state, its callbacks, reading, sending and closing. Package conn is its face
// for programs, and documents what programs may rely on. This page is for maintainers
// of the machine.
//
// # Parts
//
// A connection is one value of ten parts, which lie upon each other. A part embeds the one below
// it. It knows that one and all below, and nothing above: its methods cannot name what is above.
// The names of a part's files begin with its own.
//
// Five parts are for any goroutine, with the lock that link has. The lowest is the first:
//
//   - link has the loop, the transport, addresses, limits and callbacks, the state and the lock.
//   - closing knows how the connection ends: which side began, with which code and error.
//   - writing sends frames: the queue, the transport, control frames and the Close frame.
//   - sending sends messages: it makes room, compresses, and lets senders wait for their turn.
//   - [Conn] is for programs. It locks, calls what is below, wakes the loop, and calls back.
//
// Five more are for the loop alone. No Conn leads to them:
//
//   - calling has callbacks called, on the loop or through the inbox.
//   - timing knows since when the peer is silent, how much it may send, and what is due when.
//   - reading reads, parses and inflates, and sees the end of what comes.
//   - expiring does what is due: pings, and the ends of connections that are silent or stalled.
//   - [Driver] has the events of a loop. After each it brings the connection to rest.
//
// What a part finds out for one above it, it returns, or leaves where that one looks: as a bit of
// attention, or in the record of closing. A write that fails is noted in that record; Driver
// then ends the connection. A receiver is c up to Conn, and d from there on.
//
// Beside the parts:
//
//   - [Loop] is shared by the connections of one event loop: configuration, buffers, time.
//   - [Host] is the event loop as its connections see it.
//   - [transport.Transport] is the stream of bytes below, the only way to the network.
//   - Package sendq is the queue of frames that wait for the socket.
//
// With a Loop, a Host and a Transport a connection runs without a socket, as in the tests.
//
// # Concurrency
//
// The loop calls Driver's methods on its goroutine. Conn's methods may be called from any
// goroutine. None of them blocks, except [Conn.SendAsWait], [Writer.CopyFrom],
// [Writer.ReadFrom] and [Incoming.Receive]. These fail with [ErrOnLoop] on an event loop.
//
// The lock of a connection, mu, guards the send queue, the inbox and the record of closing. Writes
// to the transport happen under it, and never once the state is Closed. Methods of parts below
// Conn say "mu is held" where their caller must hold it. None of them wakes the loop: Conn does,
// when it lets go of the lock.
//
// Callbacks of one connection never run at the same time. They come in order: Open, messages and
// control frames as they arrived, then Close exactly once and last. With [OnLoop] they run between
// reading and writing, without allocation, and their answers leave in one write. With
// [OnGoroutines] they go through an inbox: a bounded queue, which one of the loop's workers works off
// while there are events. While the inbox is full, the peer is not read. Workers are goroutines that
// are used again, as many as callbacks block. They end when they have no work for a while.
//
// With [Adaptive] all callbacks do that, except Message callbacks while none waits in the inbox. These run
// on the loop, and may lose it: see relief.
//
// A function of [Conn.Do] runs in the order of the callbacks, and before Close, whatever happens.
// A function of [Conn.AfterFunc] whose time has not come when the connection begins to close is
// dropped. A Timer that a callback stops does not run, even if its time has come.
//
// A Stream callback runs on a goroutine with any Dispatch. While it runs, other callbacks wait,
// except pings and pongs, which run inside its Read.
//
// Instead of being called with messages, a program may take them with [Incoming.Receive]. They, and
// how the peer ended, then wait in a queue beside the inbox. All other callbacks run as ever.
//
// # Memory
//
// A payload given to a callback is valid until the callback returns; copy to keep. Builds with the
// tag poison overwrite it then. The bytes given to a method that sends belong to the caller again
// when the call returns.
//
// An idle connection holds no buffer and no goroutine. Receiving, echoing and sending allocate
// nothing in the steady state. Pooled buffers are lent for unfinished and pending messages. A
// stream costs its Reader, and a Writer costs itself.
//
// # Limits
//
// [Config] has them, each with a safe default. A message over MaxMessageSize closes with 1009
// (Message Too Big). One over MaxFragments, or too many messages or control frames in a second,
// close with 1008 (Policy Violation). Connections with the same limits share them. A connection
// with the Config's limits takes no memory for them.
//
// MaxPending bounds the frames that wait for the peer, and control frames have 1 KiB beyond it. A
// message beyond MaxPending meets the [Overflow] policy. Once more than three eighths of
// MaxPending are in use, the peer is not read until a quarter is. Of pings whose answers the peer
// does not read, only the latest is answered.
//
// # Compression
//
// If permessage-deflate (RFC 7692) was agreed on, messages of [Deflate].Threshold bytes or more are
// compressed, unless that makes them longer. A negative Threshold compresses all. Payloads, a
// Reader's bytes and MaxMessageSize count inflated bytes. MaxPending counts frames as they wait.
//
// The work of compression is bounded apart from the bytes that are read, because a message may
// inflate to a thousand times its length. In one turn a connection inflates about 128 KiB, and
// compresses answers for as long. Then the loop serves the others and comes back to the rest. In
// a second it may use [Config].CompressionPerSecond. Then it is not read for a while. Work of
// callbacks on goroutines counts for neither. A sent message is compressed in one go, however
// long it is; a Writer takes it in parts.
//
// With context takeover a connection keeps up to the agreed window in each direction, from its first
// compressed message on. Messages that may still be dropped, and those that wait behind a Writer,
// refer to no others.
//
// # Closing
//
// [Conn.Close] sends the pending frames and a Close frame, and waits for the peer's Close frame for at
// most [Config].CloseTimeout. A peer's Close frame is answered once the callbacks for earlier messages
// have returned. After a Close frame of either side nothing is sent: RFC 6455 5.5.1 forbids it.
//
// A peer that breaks the protocol or a limit gets the fitting close code. Messages that were whole
// before are still delivered. A peer that is silent for [Config].IdleTimeout, with a ping half-way, is
// closed with 1001 (Going Away). A connection whose socket takes none of its pending bytes for
// [Config].WriteTimeout is cut.
package session
