package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/framerail/framerail/conn"
)

// store writes one message to a new file in dir. If the message is too long, or the
// connection ends in the middle of it, Read fails and the file goes.
func store(dir string, c *conn.Conn, r *conn.Reader) error {
	f, err := os.CreateTemp(dir, "upload-*")
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum, &progress{conn: c}), r)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("after %d bytes: %w", n, err)
	}
	return c.SendText(fmt.Sprintf(`{"received":%d,"file":%q,"sha256":"%x"}`, n, filepath.Base(f.Name()), sum.Sum(nil)))
}

// reportEvery is how many bytes come between two words of progress.
const reportEvery = 1 << 20

// progress tells a sender how much has come.
type progress struct {
	conn               *conn.Conn
	received, reported int64
}

// Write counts b.
func (p *progress) Write(b []byte) (int, error) {
	p.received += int64(len(b))
	if p.received-p.reported < reportEvery {
		return len(b), nil
	}
	p.reported = p.received
	// Under this key only the latest waits for a sender that does not read.
	return len(b), p.conn.SendMessage(conn.Message{
		Type: conn.Text, Key: "progress", Payload: fmt.Appendf(nil, `{"received":%d}`, p.received),
	})
}
