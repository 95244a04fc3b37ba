package main

import (
	"bytes"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestEchoReturnsTypeAndPayload(t *testing.T) {
	p := exampletest.Start(t)
	c := exampletest.Dial(t, p.URL, nil)
	for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		for _, size := range []int{0, 1, 125, 65536, 256 << 10} {
			payload := bytes.Repeat([]byte("x"), size)
			if err := c.Write(exampletest.Within(t), typ, payload); err != nil {
				t.Fatal(err)
			}
			gotType, got, err := c.Read(exampletest.Within(t))
			if err != nil || gotType != typ || !bytes.Equal(got, payload) {
				t.Fatalf("%v of %d bytes came back as %v of %d bytes, or altered: %v", typ, size, gotType, len(got), err)
			}
		}
	}
	p.Signal(t)
	exampletest.ExpectClose(t, c, websocket.StatusGoingAway)
	p.End(t)
}
