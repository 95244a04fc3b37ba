package conn

import (
	"context"
	"io"

	"github.com/framerail/framerail/internal/session"
)

// NewWriter begins a message of type t, which is sent in fragments while it is written. A
// connection has one open Writer at a time: while there is one, NewWriter fails with
// [ErrWriterOpen]. It fails with [ErrClosed] when the connection is closing, and with
// [ErrMessageType] if t is neither Text nor Binary.
func (c *Conn) NewWriter(t MessageType) (*Writer, error) {
	w, err := (*session.Conn)(c).NewWriter(opcode(t))
	return (*Writer)(w), err
}

// Writer writes one message in fragments (RFC 6455 5.4). It implements io.WriteCloser,
// io.StringWriter and io.ReaderFrom. It is for one goroutine at a time.
//
// Other messages to the same client wait until the Writer is closed, and take up to half of
// MaxPending. Control frames pass between the fragments. Every Writer must be closed: only
// Close, or the end of the connection, ends the message. When the connection closes, every
// method fails with [ErrClosed]; after Close they fail with [ErrWriterClosed].
type Writer session.Writer

// DisableCompression sends the message uncompressed, even if compression was agreed on. Call it
// before the first Write: it fails if a fragment was sent already. See [Message].Uncompressed.
func (w *Writer) DisableCompression() error { return (*session.Writer)(w).DisableCompression() }

// Write adds p to the message. It never blocks, and keeps nothing of p.
//
// Short writes are gathered into fragments of 4 KiB, or of a quarter of MaxPending if that is
// less. A longer p is sent at once, in fragments of at most a quarter of MaxPending.
//
// On an error, n bytes of p were taken. After [ErrPendingFull] the rest can be written again
// when the connection has drained; see [Conn.OnDrained]. [ErrNotUTF8] means that p does not
// continue the text as UTF-8: then n is 0. A character may be split between two writes.
func (w *Writer) Write(p []byte) (n int, err error) { return (*session.Writer)(w).Write(p) }

// WriteString is Write for a string. It does not copy s.
func (w *Writer) WriteString(s string) (int, error) { return (*session.Writer)(w).WriteString(s) }

// Flush sends what was gathered as a fragment. If nothing was gathered it sends nothing. Its
// errors are Write's.
func (w *Writer) Flush() error { return (*session.Writer)(w).Flush() }

// Close sends what was gathered as the last fragment, and so ends the message. It can be called
// again after [ErrPendingFull], and after [ErrNotUTF8], which means that the text ends within a
// character: write the rest of it first.
func (w *Writer) Close() error { return (*session.Writer)(w).Close() }

// ReadFrom is CopyFrom with a context that never ends. io.Copy calls it, unless the source has
// a WriteTo method: that method decides how much it gives to Write at once, so call ReadFrom or
// CopyFrom directly then.
func (w *Writer) ReadFrom(r io.Reader) (n int64, err error) { return (*session.Writer)(w).ReadFrom(r) }

// CopyFrom adds everything that r has, up to io.EOF, to the message. Each Read of r makes a
// fragment of at most 16 KiB. Like [Conn.SendWait] it waits while more than a quarter of
// MaxPending is in use, so memory stays bounded however slowly the client reads.
//
// n is the number of bytes sent; bytes that were read but not sent are lost. CopyFrom does not
// close the Writer. When ctx ends it returns ctx's error instead of waiting; it does not
// interrupt a Read of r. It fails with [ErrOnLoop] where [Conn.SendWait] does, with [ErrNotUTF8]
// as Write does, and with the errors of r.
func (w *Writer) CopyFrom(ctx context.Context, r io.Reader) (n int64, err error) {
	return (*session.Writer)(w).CopyFrom(ctx, r)
}
