package conn

import "github.com/framerail/framerail/internal/session"

// Reader reads one message while it arrives. A stream callback gets it; see [Conn.OnStream]. It
// is for that callback's goroutine alone, and its methods fail with [ErrReaderDone] after the
// callback has returned.
//
// While the callback does not read, the socket is not read either, so a long message takes
// bounded memory. It may be as long as MaxMessageSize, which is 256 KiB by default: raise that
// for uploads. While Read waits, the connection's ping and pong callbacks may run
// inside it.
type Reader session.Reader

// Type returns the message's type. It is known from the first frame on.
func (r *Reader) Type() MessageType { return MessageType((*session.Reader)(r).Type()) }

// Read reads what has arrived of the message, and waits if nothing has. At the message's end it
// returns io.EOF.
//
// If the connection ends first, or the text is not UTF-8, it returns the reason: a *frame.Error
// for what the client did wrong, a *net.OpError for the network, [ErrClosed] after this side's
// Close, or an error that matches io.ErrUnexpectedEOF.
func (r *Reader) Read(p []byte) (int, error) { return (*session.Reader)(r).Read(p) }

// ReadAll reads the rest of the message, and returns nil as the error at the message's end. The
// caller may keep the result. Other errors are Read's.
func (r *Reader) ReadAll() ([]byte, error) { return (*session.Reader)(r).ReadAll() }
