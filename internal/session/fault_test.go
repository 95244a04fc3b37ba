package session

import (
	"io"
	"testing"

	"github.com/framerail/framerail/frame"
)

// A fault behind a message does not take the answer to the message away, wherever
// callbacks run and however slow they are.
func TestMessagesBeforeAFaultAreAnswered(t *testing.T) {
	faults := map[string]struct {
		bytes []byte
		code  frame.CloseCode
	}{
		"reserved bits":   {[]byte{0xa1, 0x80, 0, 0, 0, 0}, frame.ProtocolError},
		"bad text":        {text("\xff"), frame.InvalidFramePayloadData},
		"half a code":     {peer(frame.Close, true, "a"), frame.ProtocolError},
		"cut by a fault":  {append(peer(frame.Text, false, "begun"), peer(frame.Text, true, "new")...), frame.ProtocolError},
		"cut by bad text": {append(peer(frame.Text, false, "begun"), peer(frame.Continuation, false, "\xff")...), frame.InvalidFramePayloadData},
	}
	for name, fault := range faults {
		for _, mode := range []string{"loop", "goroutines", "stream"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				slow := make(chan bool, 10)
				cfg := Config{Handlers: Handlers{Message: func(c *Conn, m Message) {
					<-slow
					_ = c.Send(m.Type, m.Payload)
				}}}
				switch mode {
				case "loop":
					close(slow)
				case "goroutines":
					cfg.Dispatch = OnGoroutines
				case "stream":
					cfg.Handlers.Stream = func(c *Conn, m *Reader) {
						b, err := m.ReadAll()
						<-slow
						if err == nil {
							_ = c.Send(m.Type(), b)
						} else {
							_ = c.Close(frame.TryAgainLater, "a code of its own, too late")
						}
					}
				}
				r := openRig(t, cfg)
				r.receive(append(text("right"), fault.bytes...))
				if mode != "loop" {
					expect(t, "bytes sent while the callback is slow", len(r.wire.output()), 0)
					close(slow)
				}
				r.eventually("echo and Close", func() bool { r.turn(); return r.wire.halfDone })
				sent := r.sent()
				expect(t, "frames", len(sent), 2)
				expect(t, "echo", sent[0].payload, "right")
				code, _ := sent[1].closing()
				expect(t, "code", code, fault.code)
				r.end(io.EOF)
			})
		}
	}
}

// A message that its sender's Close cuts short does not keep the Close from being
// answered with its code: RFC 6455 5.5.1.
func TestCloseWithinAMessageIsAnsweredWithItsCode(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
		if _, err := m.ReadAll(); err != nil {
			_ = c.Close(frame.TryAgainLater, "too late")
		}
	}}})
	r.receive(peer(frame.Text, false, "begun"))
	r.receive(peerClose(frame.NormalClosure, ""))
	r.eventually("the end", func() bool { r.turn(); return r.wire.closed })
	r.expectClose(frame.NormalClosure, "")
}
