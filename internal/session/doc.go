// Package session is one WebSocket connection (RFC 6455) behind an event loop: its
// state, its callbacks, reading, sending and closing. Package server makes
// connections and hands them to the program; bytes come from and go to a
// [Transport], of which conn knows nothing else.
//
// A program sees [Conn], in the callbacks of [Handlers]:
//
//	h := conn.Handlers{
//		Message: func(c *conn.Conn, m conn.Message) {
//			c.SendMessage(m) // back to where it came from
//		},
//	}
//
// Send queues a message and never waits. It is for answers and for what all are told. A
// peer that is sent more than it reads gets [Config].MaxPending bytes behind and then meets
// its [Overflow] policy: by default it is closed. [Conn.SendWait] waits for room instead, so
// that a history, the rows of a query or an export reach a peer at the pace at which it
// reads. It may be called wherever waiting is allowed: not on an event loop, which is where
// callbacks run by default.
//
// Text is UTF-8 (RFC 6455 5.6). What comes has been checked, and what is sent is: other text
// fails with [ErrNotUTF8], in every way of sending, with those of a Writer that would make
// it so, and in the reason of a Close. [Conn.SendMessage] passes a received message on, and
// the type [CheckedText] text that the program has checked, without a check.
//
// The loop that owns a connection sees the same value as a [Driver]; [Loop], [Host]
// and Transport are for those who write one, and of no concern to others.
//
// # Concurrency
//
// Every method of Conn, [Send], and those of a [Writer] may be called from any
// goroutine, also from within a callback, and none of them blocks but
// [Conn.SendWait], [Writer.CopyFrom] and [Writer.ReadFrom]. These fail with [ErrOnLoop] on
// an event loop. Messages that one goroutine sends arrive in its order; those of
// several are not mixed. A [Reader] and a Writer are for one goroutine at a time.
//
// Callbacks of one connection never run at the same time and come in order: Open,
// messages and control frames as they came, then Close, exactly once and last.
// Callbacks of different connections do run at the same time.
//
// # Where callbacks run
//
// [Config].Dispatch says. With [OnLoop], the default, they run on the event loop
// between reading and writing, without allocation or hand-over, and what they send
// leaves in one write when they have returned. They must not block: a callback that
// takes a second takes it from every connection of its loop.
//
// With [OnGoroutines] they run on goroutines, of which an idle connection has none,
// and may block. What waits for a slow one is bounded by [Config].QueueMessages and
// QueueBytes; beyond it the peer is not read from, so that TCP slows it down.
//
// A callback may do anything else with any connection: send, close, set other
// callbacks, keep the Conn. If it panics, or ends its goroutine with runtime.Goexit, as
// testing's FailNow does, its connection closes with 1011, the stack is logged, and
// nothing else notices.
//
// # Functions in a connection's order
//
// [Conn.Do] has a function run where the connection's callbacks run, behind those for what
// has come and never at the same time as one of them, and [Conn.AfterFunc] does so some time
// later. Both may be called from any goroutine. So a program that answers from elsewhere, or
// waits for an answer within some time, keeps what it knows of a connection without a lock:
//
//	timer, err := c.AfterFunc(10*time.Second, func(c *conn.Conn) {
//		c.Close(4408, "connection initialisation timeout")
//	})
//
// A Timer that a callback stops does not run, even if its time has come. A function given to
// Do runs before the Close callback, whatever happens; one of AfterFunc whose time has not
// come when the connection begins to close is dropped.
//
// # Streaming
//
// A [Handlers].Stream callback is given a message while it is still arriving, as an
// io.Reader whose Read waits for more. It runs on a goroutine with either
// Dispatch; while it does, the connection's other callbacks wait for it or, for
// pings and pongs, run inside its Read. What it does not read stops the socket from
// being read: a message of any length takes the callback queue's bound of memory. A
// Read fails promptly once the message cannot be finished. A Writer sends a message
// in fragments while it is being made, and io.Copy from a Reader to a Writer
// forwards one in bounded memory.
//
// # Memory
//
// A payload given to a callback is valid until the callback returns; copy to keep.
// Builds with the tag poison overwrite it then, to find programs that do not. What
// a program sends is its own again when the call returns.
//
// An idle connection holds no buffer and no goroutine. Receiving, echoing and
// sending messages allocates nothing in the steady state, pooled buffers being lent
// for what is unfinished or pending; a stream costs its Reader, a Writer itself.
//
// # Limits
//
// [Config] has them, each with a default that is safe on the internet. A message
// over MaxMessageSize or MaxFragments closes its connection with 1009 or 1008, and so
// do, with 1008, messages or control frames faster than MessagesPerSecond and
// ControlFramesPerSecond.
//
// [Conn.SetLimits] gives one connection limits of its own, at any time and from any
// goroutine. Connections with the same limits share them, and one that has the Config's
// takes no memory for it.
//
// What a peer does not read is bounded by MaxPending; control frames have 1 KiB
// beyond it. What becomes of a message that would pass it is the [Overflow] policy's
// to say: the connection closes with 1013, which is the default, the send is refused,
// or messages that wait are dropped, the oldest or those with an older value of a
// key, and counted. SendWait waits, and a Writer is refused or waits, under every policy. Once more than
// three eighths of the bound are in use the peer is not read from, until a quarter
// is. A flood of pings is answered as far as the peer reads the answers; of those it
// does not read, the latest.
//
// # Compression
//
// Where the opening handshake has agreed on permessage-deflate (RFC 7692), messages of
// [Deflate].Threshold bytes or more are compressed unless that makes them longer, or all
// are where it is negative, and what comes compressed is inflated. Callbacks and sends notice nothing of it: a
// payload, a Reader's bytes and MaxMessageSize are of what is said, while MaxPending
// counts the frames that wait as they are. A Writer's fragments are compressed as one
// message, each of which the peer can inflate when it comes.
//
// What compression takes is bounded apart from the bytes that are read, since a message may
// say a thousand times as many. In one turn a connection has about 128 KiB inflated, and
// answers compressed for as long; then the loop serves the others and comes back to the
// rest. In a second it has [Config].CompressionPerSecond; then it is not read from for a
// while. What callbacks on goroutines send is compressed there, and counts for neither. A
// message that is sent is compressed in one go, however long it is: a Writer takes it in parts.
//
// With context takeover a connection keeps the end of what was said compressed, in each
// direction at most the agreed window, from its first compressed message on; without, it
// keeps nothing. Messages that may still be dropped, by [OverflowDropOldest] and
// [OverflowLatest], and those that wait for a Writer refer to no others, and so are less
// compressed.
//
// [Conn.SendPlain] and [Conn.NewPlainWriter] leave a message as it is: what is compressed
// already, and secrets that travel with text that a stranger may choose, since the
// length of a compressed message tells whether they are alike.
//
// # Context
//
// [Conn.Context] ends with the connection, for what the program does for its client, such
// as a query. It is made when it is first asked for.
//
// # Closing
//
// [Conn.Close] sends what is pending and a Close frame, and waits for the peer's,
// at most for [Config].CloseTimeout. A peer's Close is answered once the callbacks
// for what came before it have returned, so that their answers still go out, within
// the same time. After a Close frame of either side there is no sending, not even by
// force: RFC 6455 5.5.1 forbids it, and the peer would drop it. A peer that breaks the
// protocol or a limit is sent the fitting code; what had come whole before is still
// delivered. A peer silent for [Config].IdleTimeout, pinged at half of it, is ended with 1001;
// one whose socket takes nothing of what is pending for [Config].WriteTimeout is cut.
//
// [CloseInfo] tells the close callback how it went: who began, the codes both ways,
// the reason, the error and how many bytes were lost.
package session
