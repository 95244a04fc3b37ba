package session

// Handlers are the callbacks of a connection. Every one may be nil.
//
// Callbacks of one connection never run at the same time and come in order:
// Open, then messages and control frames as they arrived, then Close exactly
// once and nothing after it. Where they run is [Config].Dispatch's to say; a
// Stream callback runs on a goroutine always.
//
// Every []byte is valid until the callback returns; copy to keep. A callback
// that panics closes its connection with 1011 and is logged; nothing else
// notices. The package documentation says what a callback may do.
type Handlers struct {
	// Open runs once the opening handshake is done.
	Open func(*Conn)
	// Message gets each whole message (RFC 6455 5.4), at most
	// [Config].MaxMessageSize bytes. Without it, and without Stream, messages are
	// read and dropped.
	Message func(*Conn, Message)
	// Stream gets each message while it is still arriving, in place of Message. It
	// may block; what it leaves unread is dropped.
	Stream func(*Conn, *Reader)
	// Ping gets each ping, in place of the automatic pong (RFC 6455 5.5.2).
	Ping func(*Conn, []byte)
	// Pong gets each pong, asked for or not (RFC 6455 5.5.3).
	Pong func(*Conn, []byte)
	// Close runs last, once the socket is gone.
	Close func(*Conn, CloseInfo)
	// Drained runs when everything pending has been taken by the socket, after it
	// had refused some or a send had failed with ErrPendingFull.
	Drained func(*Conn)
}

// OnMessage sets this connection's Message callback in place of the server's. Like
// the other OnXxx methods it is called from Open or a later callback, so that no
// message comes before it; it may be called from any goroutine.
func (c *Conn) OnMessage(f func(*Conn, Message)) {
	c.handle(func(h *Handlers) { h.Message = f })
}

// OnStream sets this connection's Stream callback in place of the server's, for the
// messages that begin from then on. It runs on a goroutine; the connection's other
// callbacks wait for it, and run where [Config].Dispatch says when there is none.
func (c *Conn) OnStream(f func(*Conn, *Reader)) {
	c.handle(func(h *Handlers) { h.Stream = f })
}

// OnPing sets this connection's Ping callback in place of the server's; nil
// brings the automatic pong back.
func (c *Conn) OnPing(f func(*Conn, []byte)) {
	c.handle(func(h *Handlers) { h.Ping = f })
}

// OnPong sets this connection's Pong callback in place of the server's.
func (c *Conn) OnPong(f func(*Conn, []byte)) {
	c.handle(func(h *Handlers) { h.Pong = f })
}

// OnClose sets this connection's Close callback in place of the server's.
func (c *Conn) OnClose(f func(*Conn, CloseInfo)) {
	c.handle(func(h *Handlers) { h.Close = f })
}

// OnDrained sets this connection's Drained callback in place of the server's.
func (c *Conn) OnDrained(f func(*Conn)) {
	c.handle(func(h *Handlers) { h.Drained = f })
}

// handle changes a copy of the callbacks: those of the server are shared, and the
// loop may be reading them.
func (c *Conn) handle(change func(*Handlers)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := *c.terms.Load()
	change(&own.Handlers)
	c.terms.Store(&own)
}
