package deflate

import (
	"bytes"

	"github.com/klauspost/compress/flate"
)

// Compressor compresses the messages of one direction of one connection.
type Compressor struct {
	takeover bool
	out      bytes.Buffer
	w        *flate.Writer
}

// NewCompressor returns a compressor that refers at most 1<<bits bytes back and, if
// takeover, to earlier messages too.
func NewCompressor(bits int, takeover bool) *Compressor {
	c := &Compressor{takeover: takeover}
	var err error
	if bits < 15 {
		c.w, err = flate.NewWriterWindow(&c.out, 1<<bits)
	} else {
		c.w, err = flate.NewWriter(&c.out, flate.BestSpeed)
	}
	if err != nil {
		panic(err) // both are within what is documented
	}
	return c
}

// Message returns the payload of a message that inflates to p. It is valid until the
// next call; copy to keep.
func (c *Compressor) Message(p []byte) []byte {
	c.out.Reset()
	if !c.takeover {
		c.w.Reset(&c.out)
	}
	// Writing to memory does not fail.
	_, _ = c.w.Write(p)
	_ = c.w.Flush()
	return bytes.TrimSuffix(c.out.Bytes(), tail)
}
