package conn

import (
	"context"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// opcode is the frame's opcode for a message type. Any other type becomes one that is refused.
func opcode(t MessageType) frame.Opcode { return frame.Opcode(t) }

// outgoing is a message as the machine of the connection takes it.
func outgoing(m Message) session.Outgoing {
	return session.Outgoing{
		Type: opcode(m.Type), Uncompressed: m.Uncompressed, Valid: m.Valid, Payload: m.Payload, Key: m.Key,
	}
}

// Send sends one message of type Text or Binary. It never blocks; [Conn.SendWait] waits for a
// slow client instead.
//
// A short message is copied and leaves when the loop's turn ends. A long one is written to
// the socket at once, and only what the socket does not take is copied. The caller may reuse
// payload when Send returns. Messages of one goroutine arrive in the order in which they were
// sent.
//
// When Send fails, nothing of the message is sent. The errors are:
//   - [ErrClosed] if the connection is closing or closed
//   - [ErrPendingFull] if the message does not fit into MaxPending and the [Overflow] policy
//     makes no room for it
//   - [ErrMessageTooLarge] if the message is larger than MaxPending; this is logged, too
//   - [ErrNotUTF8] if a text is not valid UTF-8
//   - [ErrMessageType] if t is neither Text nor Binary
func (c *Conn) Send(t MessageType, payload []byte) error {
	return (*session.Conn)(c).Send(opcode(t), payload)
}

// SendText sends s as a text message. It does not allocate. Otherwise it is Send.
func (c *Conn) SendText(s string) error { return (*session.Conn)(c).SendText(s) }

// SendBinary sends b as a binary message. Otherwise it is Send.
func (c *Conn) SendBinary(b []byte) error { return (*session.Conn)(c).SendBinary(b) }

// SendMessage sends m in the way that its fields say. Otherwise it is Send.
//
// A received message can be passed on as it is, to its sender or to another connection: its
// text is not checked a second time.
func (c *Conn) SendMessage(m Message) error {
	return (*session.Conn)(c).SendAs(opcode(m.Type), m.Payload, m.Key, m.Uncompressed, m.Valid)
}

// SendWait is SendMessage that waits for room, so that a sender goes no faster than the
// client reads. Use it for data that has an end and may take its time: a history, the rows of
// a query, an export. It ignores the [Overflow] policy and the message's Key.
//
// SendWait waits until at most a quarter of MaxPending is in use and the message fits into the
// rest. It returns when the message is queued or written, not when the client has read it.
// Concurrent calls take turns in the order in which they came. A waiting call takes about
// 200 bytes beside its goroutine, and does not copy its payload.
//
// SendWait must not be called on an event loop, where callbacks run by default: there it fails
// with [ErrOnLoop]. It can be called in callbacks with [OnGoroutines] or [Adaptive], in stream
// callbacks, and on the program's own goroutines. Hold no lock meanwhile that callbacks of other clients need:
// one client that does not read would hold them all up. While a [Writer] is open, SendWait
// queues the message behind the Writer's, so the goroutine that is to close the Writer must not
// wait here.
//
// SendWait returns ctx's error if ctx ends first, and [ErrClosed] if the connection closes;
// nothing was sent then. The end of ctx has no other effect on the connection. Even with a
// context that never ends, a wait is bounded: a client that takes nothing for WriteTimeout is
// disconnected. Its other errors are Send's, without ErrPendingFull.
func (c *Conn) SendWait(ctx context.Context, m Message) error {
	return (*session.Conn)(c).SendAsWait(ctx, outgoing(m))
}

// Ping sends a ping with a payload of at most 125 bytes, which the client's pong repeats (RFC
// 6455 5.5.2). The server sends pings by itself; see IdleTimeout and PingInterval.
//
// Control frames have 1 KiB of room beyond MaxPending. Ping fails with [ErrPendingFull] when
// that is full, with [ErrControlTooLong] for a longer payload, and with [ErrClosed] when the
// connection is closing. The caller may reuse payload when Ping returns.
func (c *Conn) Ping(payload []byte) error { return (*session.Conn)(c).Ping(payload) }

// Pong sends a pong, as an answer to a ping or unasked (RFC 6455 5.5.3). Otherwise it is Ping.
// Pings are answered automatically unless an OnPing callback is set.
func (c *Conn) Pong(payload []byte) error { return (*session.Conn)(c).Pong(payload) }

// Pending returns how many bytes of frames wait for the socket.
func (c *Conn) Pending() int { return (*session.Conn)(c).Pending() }

// AutoAnswer is a text that is answered without the program: a field of server.Server and client.Client,
// for connections that set none of their own with [Conn.AutoAnswer]. An empty Request means none.
type AutoAnswer struct{ Request, Answer string }

// AutoAnswer has every text message that is exactly request answered with the text answer: on the event
// loop, before messages that wait, and without OnMessage or Receive noticing. Programs in browsers
// cannot send pings, and send such texts instead. An empty request ends it. OnStream gets all messages.
//
// [Overflow] says what becomes of an answer for which there is no room. With [OverflowRefuse] a request is then
// left without an answer, and the program does not notice. An answer larger than MaxPending is never sent,
// which is logged each time.
//
// AutoAnswer fails with [ErrNotUTF8], and changes nothing, if answer is not valid UTF-8.
func (c *Conn) AutoAnswer(request, answer string) error {
	return session.Incoming{Conn: (*session.Conn)(c)}.AutoAnswer(request, answer)
}
