package conn

import "github.com/framerail/framerail/internal/session"

// Prepared is a message to be sent to many connections. It is encoded once, and compressed
// once for each level and window that its receivers have. It keeps these forms, unless they are no
// shorter. It never changes. Any number of goroutines may send it, for as long as the program likes.
// See [Prepare].
type Prepared session.Prepared

// Prepare encodes a message that is to be sent to many connections. It copies the payload. It
// fails with [ErrNotUTF8] or [ErrMessageType], as Send does.
func Prepare(m Message) (*Prepared, error) {
	p, err := session.Prepare(outgoing(m))
	return (*Prepared)(p), err
}

// SendPrepared sends a prepared message. Otherwise it is SendMessage, and the overflow policy
// and the message's Key work alike.
//
// A server's connections copy nothing. What waits for a socket refers to the bytes of p. They
// count in full in the pending bytes of each connection, and once in the budget of buffers. If they
// wait for connections of several servers, they are in the budget of the server where they began to
// wait, until they wait for none. Compressed messages are compressed alone, so that they suit every
// receiver. A client has to mask what it sends, so it sends a copy.
func (c *Conn) SendPrepared(p *Prepared) error {
	return (*session.Conn)(c).SendPrepared((*session.Prepared)(p))
}
