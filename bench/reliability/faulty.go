//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/wire"
)

// faultyServers stand in for framerail where it has no option to break: each has
// one fault that a bar must see.
var faultyServers = map[string]func(net.Listener){
	"trusting":  func(ln net.Listener) { (&faultyServer{trusting: true}).serve(ln) },
	"careless":  func(ln net.Listener) { (&faultyServer{careless: true}).serve(ln) },
	"eager":     func(ln net.Listener) { (&faultyServer{eager: true}).serve(ln) },
	"plain":     func(ln net.Listener) { new(faultyServer).serve(ln) }, // no fault, but no features either
	"forgetful": func(ln net.Listener) { (&faultyServer{forgetful: true}).serve(ln) },
	"spinning":  func(ln net.Listener) { (&faultyServer{spinning: true}).serve(ln) },
	"stale":     func(ln net.Listener) { (&faultyServer{stale: true}).serve(ln) },
	"hasty":     func(ln net.Listener) { (&faultyServer{hasty: true}).serve(ln) },
}

// faultyServer is a WebSocket server with a goroutine for each connection, which
// echoes unfragmented messages, and does not do well.
type faultyServer struct {
	trusting  bool // makes room for what a header claims
	careless  bool // queues pongs without a bound, and answers a Close with the same code, whatever it is
	eager     bool // agrees to a subprotocol and an extension, whatever was offered
	forgetful bool // looks at a request from its start again with each piece of it
	spinning  bool // tries again at once when it cannot accept
	stale     bool // goes on writing to the number of a descriptor that it has closed
	hasty     bool // ends connections by timers that do not look what has come
}

// faultyRoom is the most that even a trusting server makes room for.
const faultyRoom = 256 << 10

// faultyAccept answers the key that the clients here always send.
const faultyAccept = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

func (f *faultyServer) serve(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil && f.spinning {
			continue
		}
		if err != nil {
			return
		}
		if f.forgetful {
			go forget(c)
			continue
		}
		if f.stale {
			go pourStale(c.(*net.TCPConn))
			continue
		}
		if f.hasty {
			go f.hasten(c)
			continue
		}
		go f.one(c)
	}
}

func (f *faultyServer) one(c net.Conn) {
	defer c.Close()
	in := bufio.NewReaderSize(c, 256)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			return
		}
	}
	accept := faultyAccept
	if f.eager {
		accept = strings.TrimSuffix(accept, "\r\n") +
			"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15\r\n\r\n"
	}
	if _, err := io.WriteString(c, accept); err != nil {
		return
	}
	queue := new(faultyQueue)
	for {
		opcode, payload, err := f.readFrame(in)
		if err != nil {
			return
		}
		switch opcode {
		case wire.Ping:
			opcode = wire.Pong
		case wire.Close:
			c.Write(append([]byte{0x80 | wire.Close, byte(len(payload))}, payload...))
			return
		}
		queue.add(c, opcode, payload)
	}
}

func (f *faultyServer) readFrame(in *bufio.Reader) (opcode byte, payload []byte, err error) {
	header := make([]byte, 14)
	if _, err := io.ReadFull(in, header[:2]); err != nil {
		return 0, nil, err
	}
	n := uint64(header[1] & 0x7f)
	extended := map[uint64]int{126: 2, 127: 8}[n]
	if _, err := io.ReadFull(in, header[2:2+extended+4]); err != nil {
		return 0, nil, err
	}
	switch extended {
	case 2:
		n = uint64(binary.BigEndian.Uint16(header[2:]))
	case 8:
		n = binary.BigEndian.Uint64(header[2:])
	}
	if n > faultyRoom && !f.trusting {
		return 0, nil, io.ErrShortBuffer
	}
	payload = make([]byte, min(n, faultyRoom))
	if _, err := io.ReadFull(in, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= header[2+extended+i%4]
	}
	return header[0] & 0x0f, payload, nil
}

// faultyQueue is what waits for a peer to read, without a bound.
type faultyQueue struct {
	mu      sync.Mutex
	waiting [][]byte
	writing bool
}

func (q *faultyQueue) add(c net.Conn, opcode byte, payload []byte) {
	frame := []byte{0x80 | opcode, byte(len(payload))}
	if len(payload) > 125 {
		frame = binary.BigEndian.AppendUint16([]byte{0x80 | opcode, 126}, uint16(len(payload)))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, append(frame, payload...))
	if !q.writing {
		q.writing = true
		go q.write(c)
	}
}

func (q *faultyQueue) write(c net.Conn) {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			q.writing = false
			q.mu.Unlock()
			return
		}
		next := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		if _, err := c.Write(next); err != nil {
			return
		}
	}
}

// pourStale does what the program pour does, but its writer keeps the number of
// the descriptor and takes no notice of its being closed.
func pourStale(c *net.TCPConn) {
	file, err := c.File()
	c.Close()
	if err != nil {
		return
	}
	defer file.Close()
	f := new(faultyServer)
	in := bufio.NewReaderSize(file, 256)
	for line := ""; line != "\r\n"; {
		if line, err = in.ReadString('\n'); err != nil {
			return
		}
	}
	if _, err := file.WriteString(faultyAccept); err != nil {
		return
	}
	fd := int(file.Fd())
	for {
		opcode, payload, err := f.readFrame(in)
		if err != nil {
			return
		}
		if opcode != wire.Binary {
			file.Write(append([]byte{0x80 | opcode, byte(len(payload))}, payload...))
			if opcode == wire.Close {
				return
			}
			continue
		}
		go func() {
			header := []byte{0x80 | wire.Binary, 127, 0, 0, 0, 0, 0, resetsMessage >> 16, 0, 0}
			unix.Write(fd, header)
			part := bytes.Repeat(payload, 16<<10)
			for range resetsMessage / len(part) {
				unix.Write(fd, part)
				time.Sleep(time.Millisecond)
			}
		}()
	}
}

// forget reads a request and never finds its end.
func forget(c net.Conn) {
	defer c.Close()
	var all []byte
	piece := make([]byte, 4<<10)
	for {
		n, err := c.Read(piece)
		if err != nil {
			return
		}
		all = append(all, piece[:n]...)
		for i := range all {
			if all[i] == '\n' {
				return
			}
		}
	}
}
