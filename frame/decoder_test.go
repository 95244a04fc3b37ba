package frame

import (
	"testing"
)

func TestDecoderHello(t *testing.T) {
	// RFC 6455 5.7: a single-frame masked text message, "Hello".
	b := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}
	var d Decoder
	ev, n, err := d.Next(b)
	if err != nil || n != len(b) || string(ev.Payload) != "Hello" || ev.Opcode != Text || !ev.First || !ev.Last {
		t.Fatalf("got %+v, %d, %v", ev, n, err)
	}
}
