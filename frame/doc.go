// Package frame reads and writes WebSocket frames and messages (RFC 6455) in
// memory: bytes in, events and bytes out. It knows no socket, no clock and no
// goroutine. So it serves an event loop, a net.Conn or a test alike. The opening
// handshake is not part of it.
//
// # Reading
//
// A [Decoder] takes the bytes of a connection as they arrive, cut anywhere. It
// returns an [Event] for each control frame and for each piece of a message. An
// [Assembler] joins the pieces to whole messages. This echoes on a connection whose
// handshake is done:
//
//	func serve(c net.Conn) error {
//		var in frame.Decoder
//		var whole frame.Assembler
//		in.Reset(frame.Server, frame.Limits{})
//		buf := make([]byte, 4096)
//		for {
//			n, err := c.Read(buf)
//			if err != nil {
//				return err
//			}
//			for b := buf[:n]; len(b) > 0; {
//				ev, used, err := in.Next(b)
//				if err != nil {
//					return fail(c, err)
//				}
//				b = b[used:]
//				msg, complete := whole.Add(ev)
//				if !complete {
//					continue
//				}
//				if done, err := answer(c, msg); done {
//					return err
//				}
//			}
//		}
//	}
//
//	// fail tells the peer which rule it broke.
//	func fail(c net.Conn, err error) error {
//		var broken *frame.Error
//		if errors.As(err, &broken) {
//			payload, _ := frame.AppendClose(nil, broken.Code, broken.Rule)
//			send(c, frame.Close, payload)
//		}
//		return err
//	}
//
//	func answer(c net.Conn, msg frame.Event) (done bool, err error) {
//		switch msg.Opcode {
//		case frame.Ping:
//			err = send(c, frame.Pong, msg.Payload)
//		case frame.Close:
//			code, _, err := frame.ParseClose(msg.Payload)
//			if err != nil {
//				return true, fail(c, err)
//			}
//			payload, _ := frame.AppendClose(nil, code, "")
//			return true, send(c, frame.Close, payload)
//		case frame.Text, frame.Binary:
//			err = send(c, msg.Opcode, msg.Payload)
//		}
//		return err != nil, err
//	}
//
//	func send(c net.Conn, op frame.Opcode, payload []byte) error {
//		_, err := c.Write(frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: op}, payload))
//		return err
//	}
//
// The package's example runs this program against a client.
//
// After a Close frame the peer may send no data (RFC 6455 5.5.1): stop decoding
// there. Check the payload of a Close frame with [ParseClose].
//
// # Writing
//
// [AppendFrame] and [AppendHeader] append to the caller's slice, in the shortest
// form. A server sends unmasked frames. A client sets Header.Masked and a new
// Header.MaskingKey for each frame. The key comes from crypto/rand, or is as hard to
// guess (RFC 6455 5.3). The first frame of a message in fragments has the message's
// opcode and no Fin. Continuation frames follow, and the last one has Fin.
//
// # Speed
//
// Text is checked by an automaton, and by words while it is ASCII. From 64 bytes on, vectors
// check it: AVX2 on amd64, NEON on arm64, as in package mask. The automaton then still
// finds the first bad byte, and how a text ends. A masked text that is ASCII needs no check,
// because unmasking shows that it is.
//
// # Memory
//
// Decoding and encoding allocate nothing. Only an Assembler's buffer grows, and a dst
// that is too short. A Decoder holds no slice of the caller's and no message. It
// holds a header or a control frame's payload at most, in its own array. It takes
// less than 256 bytes. A Decoder that is AtRest has no state to keep, so many
// connections can share one.
//
// The payload of an Event is a slice of the bytes given to Next, unmasked in place. It
// is valid until those bytes are overwritten. The payload of a control frame that
// came in pieces is valid until the next call to Next. Copy to keep.
//
// # Limits
//
// [Limits] bounds a message in bytes and in fragments. Zero means 256 KiB and 131,072.
// A message that is too long is refused at its header, before its payload arrives.
// Memory grows with the bytes that have arrived, never with a length that a header
// claims.
//
// # Concurrency
//
// A Decoder and an Assembler are for one goroutine at a time. The functions may
// be called from any.
//
// # Errors
//
// A mistake of the peer's is an [*Error]. It has the rule, its place in the RFC, and
// the close code to answer with. Each rule has one value. Those of limits and of text, such
// as [ErrMessageTooBig], are exported for errors.Is. A mistake of the caller's matches [ErrSendClose].
package frame
