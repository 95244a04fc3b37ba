package frame_test

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/mask"
)

// serve echoes on a connection after its handshake.
func serve(c net.Conn) error {
	var in frame.Decoder
	var whole frame.Assembler
	in.Reset(frame.Server, frame.Limits{})
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		for b := buf[:n]; len(b) > 0; {
			ev, used, err := in.Next(b)
			if err != nil {
				return fail(c, err)
			}
			b = b[used:]
			msg, complete := whole.Add(ev)
			if !complete {
				continue
			}
			if done, err := answer(c, msg); done {
				return err
			}
		}
	}
}

// fail tells the peer which rule it broke.
func fail(c net.Conn, err error) error {
	var broken *frame.Error
	if errors.As(err, &broken) {
		payload, _ := frame.AppendClose(nil, broken.Code, broken.Rule)
		send(c, frame.Close, payload)
	}
	return err
}

func answer(c net.Conn, msg frame.Event) (done bool, err error) {
	switch msg.Opcode {
	case frame.Ping:
		err = send(c, frame.Pong, msg.Payload)
	case frame.Close:
		code, _, err := frame.ParseClose(msg.Payload)
		if err != nil {
			return true, fail(c, err)
		}
		payload, _ := frame.AppendClose(nil, code, "")
		return true, send(c, frame.Close, payload)
	case frame.Text, frame.Binary:
		err = send(c, msg.Opcode, msg.Payload)
	}
	return err != nil, err
}

func send(c net.Conn, op frame.Opcode, payload []byte) error {
	_, err := c.Write(frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: op}, payload))
	return err
}

// A server over a net.Conn, with nothing but this package, and a client that
// sends a message in two fragments with a ping between them, then closes.
func Example() {
	server, client := net.Pipe()
	served := make(chan error)
	go func() {
		defer server.Close()
		served <- serve(server)
	}()

	go func() {
		var out []byte
		for _, f := range []struct {
			fin     bool
			op      frame.Opcode
			payload string
		}{
			{false, frame.Text, "Hel"},
			{true, frame.Ping, "still there?"},
			{true, frame.Continuation, "lo"},
			{true, frame.Close, "\x03\xe8"},
		} {
			// A real client takes each key from crypto/rand.
			key := mask.KeyFromBytes([4]byte{0x37, 0xfa, 0x21, 0x3d})
			out = frame.AppendFrame(out, frame.Header{Fin: f.fin, Opcode: f.op, Masked: true, MaskingKey: key}, []byte(f.payload))
		}
		client.Write(out)
	}()

	var in frame.Decoder
	in.Reset(frame.Client, frame.Limits{})
	buf := make([]byte, 4096)
	for {
		n, err := client.Read(buf)
		if err != nil {
			break
		}
		for b := buf[:n]; len(b) > 0; {
			ev, used, err := in.Next(b)
			if err != nil {
				fmt.Println(err)
				return
			}
			b = b[used:]
			switch ev.Opcode {
			case frame.Continuation:
			case frame.Close:
				code, _, _ := frame.ParseClose(ev.Payload)
				fmt.Println("Close", code)
			default:
				fmt.Printf("%v %s\n", ev.Opcode, ev.Payload)
			}
			if ev.Opcode == frame.Close {
				fmt.Println("served:", <-served)
				return
			}
		}
	}
	// Output:
	// Pong still there?
	// Text Hello
	// Close 1000 (Normal Closure)
	// served: <nil>
}

// A stream cut every four bytes, to show the pieces.
func ExampleDecoder_Next() {
	var d frame.Decoder
	d.Reset(frame.Client, frame.Limits{})
	in := strings.NewReader("\x01\x03Hel\x89\x02hi\x80\x02lo")
	buf := make([]byte, 4)
	for {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		for b := buf[:n]; len(b) > 0; {
			ev, used, err := d.Next(b)
			if err != nil {
				fmt.Println(err)
				return
			}
			b = b[used:]
			if ev.Opcode != frame.Continuation {
				fmt.Printf("%v %q first=%v last=%v\n", ev.Opcode, ev.Payload, ev.First, ev.Last)
			}
		}
	}
	// Output:
	// Text "He" first=true last=false
	// Text "l" first=false last=false
	// Ping "hi" first=true last=true
	// Text "l" first=false last=false
	// Text "o" first=false last=true
}

func ExampleError() {
	var d frame.Decoder
	_, _, err := d.Next([]byte("\x81\x05Hello"))
	fmt.Println(err)
	var broken *frame.Error
	if errors.As(err, &broken) {
		fmt.Println(broken.Code)
	}
	// Output:
	// framerail: a frame from a client is not masked (RFC 6455 5.1), close code 1002 (Protocol Error)
	// 1002 (Protocol Error)
}

func ExampleAppendFrame() {
	b := frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: frame.Text}, []byte("Hello"))
	fmt.Printf("% x\n", b)
	// Output: 81 05 48 65 6c 6c 6f
}
