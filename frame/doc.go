// Package frame reads and writes WebSocket frames and messages (RFC 6455) as
// bytes in memory: bytes in, events and bytes out. It knows no socket, no clock
// and no goroutine, so that it can stand behind any of them: an event loop, a
// net.Conn, a test. The opening handshake is not its part.
//
// # Reading
//
// A [Decoder] takes the bytes of a connection as they come, cut anywhere, and
// gives an [Event] for each control frame and for each piece of a message. An
// [Assembler] joins pieces where whole messages are wanted. With a connection
// after its handshake, a server that echoes is:
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
// The package's example is this program, run against a client.
//
// After a Close frame the peer may send no data (RFC 6455 5.5.1): stop decoding
// there. The payload of a Close frame is the caller's to check, with
// [ParseClose].
//
// # Writing
//
// [AppendFrame] and [AppendHeader] append to a slice of the caller's, in the
// shortest form. A server sends unmasked frames. A client sets Header.Masked and
// a new Header.MaskingKey for each, from crypto/rand or as hard to guess (RFC
// 6455 5.3). A message in fragments is a first frame of its opcode without Fin,
// then Continuation frames, the last with Fin.
//
// # Memory
//
// Decoding and encoding allocate nothing; only an Assembler's buffer and a dst
// that is too short grow. A Decoder holds no slice of the caller's and no
// message: at most a header or a control frame's payload, in its own array. It
// is under 256 bytes; one that is AtRest has no state worth keeping, so that
// many connections can share one.
//
// The payload of an Event is a slice of the bytes given to Next, unmasked in
// place: valid until those bytes are written over, and for a control frame that
// came in pieces until the next call to Next; copy to keep.
//
// # Limits
//
// [Limits] bounds a message in bytes and in fragments; zero means 256 KiB and
// 131,072. A message that would pass the first is refused at its header, before
// its payload comes, and whatever the header claims, no memory is taken before
// bytes are there.
//
// # Concurrency
//
// A Decoder and an Assembler are for one goroutine at a time. The functions may
// be called from any.
//
// # Errors
//
// What the peer does wrong is an [*Error]: the rule, its place in the RFC and the
// close code to answer with. Each rule has one value, such as [ErrUnmasked], for
// errors.Is. What the caller does wrong is a [*UsageError]. There is no I/O, so
// there is no third kind.
package frame
