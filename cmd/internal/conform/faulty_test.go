package conform

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// faulty is an echo server that does everything right but what it is told to do wrong.
// It checks text at a message's end: 6.4.* are NON-STRICT for it.
type faulty struct {
	wrongCode      bool // every failure has 1011
	anyText        bool // text is not checked
	anyMask        bool // frames may be unmasked
	anyBits        bool // reserved bits are ignored
	anyOpcode      bool // reserved opcodes are taken for binary
	anyLength      bool // control frames may be long
	altersEcho     bool // the last byte is another
	swapsHalves    bool // of messages over 1 KiB, so that the length stays
	echoesBinary   bool // text comes back as binary
	altersPong     bool
	noPong         bool
	reverses       bool // fragments are put together in the wrong order
	longForm       bool // lengths in more bits than they need
	masks          bool // what the server sends
	fragmentedPong bool
	badText        bool // a byte that is no UTF-8 behind each text
	noClose        bool // a Close is not answered, TCP is ended
	staysOpen      bool // TCP is left to the client
	talksOn        bool // frames behind its Close
	badClose       bool // its Close has the code 1005
	silent         bool // nothing is ever sent
	wrongAccept    bool
	extension      bool // an extension is answered that nobody offered
	subprotocol    bool
	status         string
}

// serve runs the server until the test ends and returns its URL.
func (f faulty) serve(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.serveOn(t, ln)
	return "ws://" + ln.Addr().String() + "/"
}

// serveOn runs the server on ln until the test ends.
func (f faulty) serveOn(t *testing.T, ln net.Listener) {
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				p := &faultyPeer{faulty: f, Conn: conn, in: bufio.NewReader(conn)}
				if p.handshake() == nil {
					p.run()
				}
			}()
		}
	}()
}

// faultyPeer is one connection of it.
type faultyPeer struct {
	faulty
	net.Conn
	in      *bufio.Reader
	opcode  byte
	message []byte
}

func (p *faultyPeer) handshake() error {
	key := ""
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return err
		}
		if line == "\r\n" {
			break
		}
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Sec-WebSocket-Key") {
			key = strings.TrimSpace(value)
		}
	}
	if p.wrongAccept {
		key += "x"
	}
	status, extra := "101 Switching Protocols", ""
	if p.status != "" {
		status = p.status
	}
	if p.extension {
		extra += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	if p.subprotocol {
		extra += "Sec-WebSocket-Protocol: chat\r\n"
	}
	_, err := fmt.Fprintf(p, "HTTP/1.1 %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
		status, acceptKey(key), extra)
	return err
}

// failure is a code to close with.
type failure uint16

func (f failure) Error() string { return fmt.Sprint("close with ", uint16(f)) }

var errDone = errors.New("closed")

func (p *faultyPeer) run() {
	for {
		err := p.frame()
		if err == nil {
			continue
		}
		code := failure(0)
		if errors.As(err, &code) {
			if p.wrongCode {
				code = 1011
			}
			p.send(opClose, binary.BigEndian.AppendUint16(nil, uint16(code)))
			p.leave()
		}
		return
	}
}

// leave ends the sending direction and waits for the client's end.
func (p *faultyPeer) leave() {
	if p.talksOn {
		p.send(opText, []byte("one more thing"))
	}
	if !p.staysOpen {
		_ = p.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}
	_, _ = io.Copy(io.Discard, p.in)
}

// frame takes one frame.
func (p *faultyPeer) frame() error {
	head := make([]byte, 2)
	if _, err := io.ReadFull(p.in, head); err != nil {
		return err
	}
	opcode, fin := head[0]&15, head[0]&0x80 != 0
	control := opcode&8 != 0
	n := int64(head[1] & 0x7f)
	switch {
	case head[0]&0x70 != 0 && !p.anyBits:
		return failure(1002)
	case opcode > 2 && opcode < 8 || opcode > 10:
		if !p.anyOpcode {
			return failure(1002)
		}
		opcode, control = opBinary, false
	case head[1]&0x80 == 0 && !p.anyMask:
		return failure(1002)
	case control && (!fin || n > 125) && !p.anyLength:
		return failure(1002)
	case !control && (opcode == 0) != (p.opcode != 0):
		return failure(1002)
	}
	if more := map[int64]int{126: 2, 127: 8}[n]; more > 0 {
		long := make([]byte, 8)
		if _, err := io.ReadFull(p.in, long[8-more:]); err != nil {
			return err
		}
		n = int64(binary.BigEndian.Uint64(long))
	}
	if n < 0 || n > 20<<20 {
		return failure(1009)
	}
	key := make([]byte, 4)
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(p.in, key); err != nil {
			return err
		}
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(p.in, payload); err != nil {
		return err
	}
	for i := range payload {
		payload[i] ^= key[i&3]
	}
	if control {
		return p.control(opcode, payload)
	}
	return p.data(opcode, fin, payload)
}

func (p *faultyPeer) control(opcode byte, payload []byte) error {
	switch {
	case opcode == opPong || opcode == opPing && p.noPong:
		return nil
	case opcode == opPing:
		if p.altersPong && len(payload) > 0 {
			payload[0]++
		}
		p.send(opPong, payload)
		return nil
	}
	if _, err := parseClose(payload); err != nil {
		if len(payload) > 2 && !utf8.Valid(payload[2:]) {
			return failure(1007)
		}
		return failure(1002)
	}
	if p.badClose {
		payload = []byte{0x03, 0xed}
	}
	if !p.noClose {
		p.send(opClose, payload)
		p.leave()
	}
	return errDone
}

func (p *faultyPeer) data(opcode byte, fin bool, payload []byte) error {
	if opcode != opContinuation {
		p.opcode, p.message = opcode, nil
	}
	if p.reverses {
		p.message = append(payload, p.message...)
	} else {
		p.message = append(p.message, payload...)
	}
	if !fin {
		return nil
	}
	opcode, message := p.opcode, p.message
	p.opcode, p.message = 0, nil
	if opcode == opText && !p.anyText && !utf8.Valid(message) {
		return failure(1007)
	}
	if n := len(message); p.altersEcho && n > 0 {
		message[n-1]++
	} else if p.swapsHalves && n > 1<<10 {
		message = slices.Concat(message[n/2:], message[:n/2])
	}
	if opcode == opText && p.badText {
		message = append(message, 0xff)
	}
	if p.echoesBinary {
		opcode = opBinary
	}
	p.send(opcode, message)
	return nil
}

// send writes a frame, right or wrong.
func (p *faultyPeer) send(opcode byte, payload []byte) {
	if p.silent {
		return
	}
	f := Frame{Opcode: opcode, Payload: payload, Unmasked: !p.masks}
	if p.longForm {
		f.Form = form64
	}
	if opcode == opPong && p.fragmentedPong {
		f.More = true
	}
	_, _ = p.Write(f.append(nil, [4]byte{1, 2, 3, 4}))
}
