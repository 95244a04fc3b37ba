package conn

import "github.com/framerail/framerail/internal/session"

// Dispatch says where callbacks run.
type Dispatch uint8

const (
	// OnLoop runs callbacks on the event loop that reads and writes the connection. This is
	// the fastest way: it neither allocates nor switches goroutines. A callback must not
	// block; while it runs, the loop's other connections wait.
	OnLoop Dispatch = iota
	// OnGoroutines runs callbacks on goroutines: one at a time for each connection, and none
	// while the connection is idle. A callback may block. Messages wait in a queue of
	// QueueMessages and QueueBytes; while it is full, the socket is not read.
	OnGoroutines
	// Adaptive runs OnMessage's callbacks on the event loop as long as they return soon, and all
	// other callbacks on goroutines. A callback may block. If one holds the loop for about a
	// millisecond, or begins to wait in SendWait, another goroutine takes the loop over. The
	// callback goes on beside it. For a while then, callbacks for messages run on goroutines at
	// once, as with OnGoroutines: for 100 ms at first, and up to 5 s if they go on blocking.
	Adaptive
)

// OnMessage sets the callback for whole messages, in place of the server's; nil removes it.
// Call it in OnConnection so that it sees the first message. Like the other OnXxx methods it
// may also be called later, and from any goroutine.
//
// Without OnMessage and OnStream, a server's messages are read and dropped, and a client's wait for
// [Conn.Receive].
func (c *Conn) OnMessage(f func(*Conn, Message)) {
	if f == nil {
		(*session.Conn)(c).OnMessage(nil)
		return
	}
	(*session.Conn)(c).OnMessage(func(c *session.Conn, m session.Message) {
		f((*Conn)(c), Message{Type: MessageType(m.Type), Valid: m.Type == session.Text, Payload: m.Payload})
	})
}

// OnStream sets the callback that reads messages while they arrive, in place of the server's;
// nil removes it. It replaces OnMessage for the messages that begin from then on. The callback
// runs on a goroutine, whatever Dispatch says, and may block. The connection's other callbacks
// wait for it. What the callback leaves unread is dropped.
func (c *Conn) OnStream(f func(*Conn, *Reader)) {
	if f == nil {
		(*session.Conn)(c).OnStream(nil)
		return
	}
	(*session.Conn)(c).OnStream(func(c *session.Conn, r *session.Reader) { f((*Conn)(c), (*Reader)(r)) })
}

// OnPing sets the callback for pings, in place of the server's. It replaces the automatic pong
// (RFC 6455 5.5.2); nil brings that back. The payload is valid until the callback returns;
// copy to keep.
func (c *Conn) OnPing(f func(*Conn, []byte)) { (*session.Conn)(c).OnPing(control(f)) }

// OnPong sets the callback for pongs, in place of the server's; nil removes it (RFC 6455
// 5.5.3). The payload is valid until the callback returns; copy to keep.
func (c *Conn) OnPong(f func(*Conn, []byte)) { (*session.Conn)(c).OnPong(control(f)) }

// control is a callback of OnPing or OnPong as the machine of the connection calls it.
func control(f func(*Conn, []byte)) func(*session.Conn, []byte) {
	if f == nil {
		return nil
	}
	return func(c *session.Conn, payload []byte) { f((*Conn)(c), payload) }
}

// OnClose sets the callback that runs last and once, after the socket is closed, in place of
// the server's; nil removes it.
func (c *Conn) OnClose(f func(*Conn, CloseInfo)) {
	if f == nil {
		(*session.Conn)(c).OnClose(nil)
		return
	}
	(*session.Conn)(c).OnClose(func(c *session.Conn, i session.CloseInfo) { f((*Conn)(c), closeInfo(i)) })
}

// OnDrained sets the callback that runs when the socket has taken everything that was pending,
// after it had refused some or a send had failed with [ErrPendingFull]. It is in place of the
// server's; nil removes it.
func (c *Conn) OnDrained(f func(*Conn)) {
	if f == nil {
		(*session.Conn)(c).OnDrained(nil)
		return
	}
	(*session.Conn)(c).OnDrained(func(c *session.Conn) { f((*Conn)(c)) })
}
