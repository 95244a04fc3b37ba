// Package wsjson sends and receives JSON values as WebSocket messages.
//
//	err := wsjson.Send(c, order)         // never waits
//	err = wsjson.Receive(ctx, c, &order) // waits for the next message
//
// In a callback use json.Unmarshal(m.Payload, &v): the payload need not be copied, since it is not kept.
package wsjson

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/framerail/framerail/conn"
)

// Send sends v, encoded by package encoding/json, as a text message. It never waits. It fails as the
// encoder and [conn.Conn.Send] do. It allocates only what the encoder does.
func Send(c *conn.Conn, v any) error {
	e := encoders.Get().(*encoder)
	defer e.giveBack()
	if err := e.json.Encode(v); err != nil {
		return fmt.Errorf("framerail: %w", err)
	}
	return c.SendMessage(conn.Message{Type: conn.Text, Payload: bytes.TrimSuffix(e.text.Bytes(), newline)})
}

// Receive waits for the next message and decodes it, whatever its type, into the value that v points to.
// It fails as [conn.Conn.Receive] does. If the message is no JSON, or does not fit the value, the error is
// the decoder's, and the connection goes on.
func Receive(ctx context.Context, c *conn.Conn, v any) error {
	m, err := c.Receive(ctx)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(m.Payload, v); err != nil {
		return fmt.Errorf("framerail: %w", err)
	}
	return nil
}

// encoder encodes into a buffer of its own.
type encoder struct {
	text bytes.Buffer
	json *json.Encoder
}

var newline = []byte("\n") // what the encoder ends with

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(&e.text)
	return e
}}

// most is how many bytes an encoder may keep while nobody uses it.
const most = 64 << 10

func (e *encoder) giveBack() {
	if e.text.Cap() > most {
		return
	}
	e.text.Reset()
	encoders.Put(e)
}
