// Command instructions does one operation so many times, for a program that counts the
// instructions of this one: instructions OPERATION TIMES.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
	"github.com/framerail/framerail/topics"
)

// operations are made once, and then done so many times.
var operations = map[string]func(times int) error{
	"decode-text-20":      func(times int) error { return decode(wire.Payload(20, 1), times) },
	"decode-text-16384":   func(times int) error { return decode(wire.Payload(16<<10, 1), times) },
	"decode-russian-256":  func(times int) error { return decode(wire.Cyrillic(256, 1), times) },
	"append-20":           func(times int) error { return appendFrames(20, times) },
	"append-16384":        func(times int) error { return appendFrames(16<<10, times) },
	"compress-1024":       func(times int) error { return compress(1<<10, times) },
	"inflate-1024":        func(times int) error { return inflate(1<<10, times) },
	"echo":                echo,
	"echo-in-memory":      func(times int) error { return echoInMemory(1, times) },
	"echo-in-memory-4096": func(times int) error { return echoInMemory(4096, times) },
	"handshake":           handshake,
	"publish-100":         func(times int) error { return publish(100, times) },
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "instructions:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("usage: instructions OPERATION TIMES")
	}
	operation, ok := operations[os.Args[1]]
	times, err := strconv.Atoi(os.Args[2])
	if !ok || err != nil {
		return fmt.Errorf("no operation %q, or no number %q", os.Args[1], os.Args[2])
	}
	return operation(times)
}

// decode reads a text message from memory, whose bytes are copied there each time: reading
// unmasks them.
func decode(payload []byte, times int) error {
	message := wire.AppendFrame(nil, true, wire.Text, [4]byte{0x37, 0xfa, 0x21, 0x3d}, payload)
	in := make([]byte, len(message))
	var d frame.Decoder
	d.Reset(frame.Server, frame.Limits{MaxMessageSize: 1 << 20})
	for range times {
		copy(in, message)
		if ev, n, err := d.Next(in); err != nil || n != len(in) || !ev.Last {
			return fmt.Errorf("%d of %d bytes: %w", n, len(in), err)
		}
	}
	return nil
}

func appendFrames(size, times int) error {
	payload := wire.Payload(size, 1)
	dst := make([]byte, 0, size+frame.MaxHeaderLen)
	for range times {
		dst = frame.AppendFrame(dst[:0], frame.Header{Fin: true, Opcode: frame.Text}, payload)
	}
	return nil
}

func compress(size, times int) error {
	payload, w := wire.Prose(size, 1), new(deflate.Window)
	dst := make([]byte, 0, deflate.Bound(size))
	for range times {
		dst = deflate.Compressor{}.Append(dst[:0], payload, w, true)
	}
	return nil
}

func inflate(size, times int) error {
	message := deflate.Compressor{}.Append(nil, wire.Prose(size, 1), nil, true)
	var f deflate.Inflater
	dst := make([]byte, size+300)
	for range times {
		f.Reset(deflate.MaxWindowBits)
		if n, _, done, err := f.Inflate(dst, message, true, nil); err != nil || !done || n != size {
			return fmt.Errorf("%d bytes, done %v: %w", n, done, err)
		}
	}
	return nil
}

// simulated is a server on a machine without sockets, which does the same each time.
func simulated() *servertest.Sim {
	return servertest.New(1, &server.Server{
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) },
		Limits:    server.Limits{Limits: conn.Limits{MessagesPerSecond: -1}},
	})
}

// echo is a message of 20 bytes from a simulated client, and its echo.
func echo(times int) error {
	sim := simulated()
	c := sim.Dial("/")
	sim.Settle()
	for range times {
		c.SendText("a message of 20 byte")
		sim.Settle()
		if _, ok := c.Next(); !ok {
			return fmt.Errorf("no echo: %w", sim.Err())
		}
	}
	return nil
}

// handshake is a simulated client that comes and leaves.
func handshake(times int) error {
	sim := simulated()
	for range times {
		c := sim.Dial("/")
		sim.Settle()
		if !c.Connected() {
			return fmt.Errorf("not connected: %w", sim.Err())
		}
		c.Reset()
		sim.Settle()
	}
	return nil
}

// publish is a message of 20 bytes to a topic of simulated clients, until each of them has it.
func publish(members, times int) error {
	var all topics.Topics
	sim := servertest.New(1, &server.Server{OnConnection: func(c *conn.Conn) { _, _ = all.Subscribe(c, "all") }})
	clients := make([]*servertest.Client, members)
	for i := range clients {
		clients[i] = sim.Dial("/")
	}
	sim.Settle()
	m := conn.Message{Type: conn.Text, Payload: []byte("a message of 20 byte")}
	for range times {
		if _, err := all.Publish("all", m); err != nil {
			return err
		}
		sim.Settle()
		for _, c := range clients {
			if _, ok := c.Next(); !ok {
				return fmt.Errorf("a member has no message: %w", sim.Err())
			}
		}
	}
	return nil
}
