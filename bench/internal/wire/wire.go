// Package wire is the client's half of RFC 6455, as little of it as a load
// generator needs: the opening handshake, masked frames made in advance, and a
// check that what comes back is an echo.
//
// It shares no code with framerail, on purpose: a measuring client that used
// the library's own codec would share its mistakes.
package wire

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
)

// Opcodes of RFC 6455 5.2.
const (
	Continuation = 0x0
	Text         = 0x1
	Binary       = 0x2
	Close        = 0x8
	Ping         = 0x9
	Pong         = 0xa
)

const (
	fin    = 0x80
	masked = 0x80
)

const key = "dGhlIHNhbXBsZSBub25jZQ=="

// accept is the answer to key that RFC 6455 1.3 defines.
var accept = func() []byte {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return []byte(base64.StdEncoding.EncodeToString(sum[:]))
}()

// Request returns an opening handshake for path on host, without an Origin, so
// that no server has one to check.
func Request(host, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", path, host, key)
}

// Handshake sends Request over rw and reads the answer up to its empty line and
// not a byte further. It fails unless the answer is a 101 with the right
// Sec-WebSocket-Accept.
func Handshake(rw io.ReadWriter, host, path string) error {
	if _, err := rw.Write(Request(host, path)); err != nil {
		return err
	}
	return ReadResponse(rw)
}

// ReadResponse reads the answer to Request from r, up to its empty line and not
// a byte further.
func ReadResponse(r io.Reader) error {
	_, err := readResponse(r)
	return err
}

// CheckResponse takes what a server has sent in answer to Request and returns what follows
// the answer; done is false while there is no end of it.
func CheckResponse(response []byte) (rest []byte, done bool, err error) {
	head, rest, done := bytes.Cut(response, []byte("\r\n\r\n"))
	if !done {
		return nil, false, nil
	}
	return rest, true, checkHead(head)
}

func checkHead(head []byte) error {
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || !bytes.Contains(head, accept) {
		return fmt.Errorf("handshake: refused with %q", head)
	}
	return nil
}

func readResponse(r io.Reader) (response []byte, err error) {
	for one := make([]byte, 1); !bytes.HasSuffix(response, []byte("\r\n\r\n")); {
		if len(response) > 8<<10 {
			return nil, errors.New("handshake: a response of over 8 KiB")
		}
		if _, err := io.ReadFull(r, one); err != nil {
			return nil, fmt.Errorf("handshake: %w after %q", err, response)
		}
		response = append(response, one[0])
	}
	return response, checkHead(response)
}

// AppendFrame appends a masked frame to dst. The payload is copied and masked;
// it stays the caller's.
func AppendFrame(dst []byte, final bool, opcode byte, maskingKey [4]byte, payload []byte) []byte {
	if final {
		opcode |= fin
	}
	dst = append(dst, opcode)
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, masked|byte(n))
	case n <= 0xffff:
		dst = append(dst, masked|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, masked|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = append(dst, maskingKey[:]...)
	for i, b := range payload {
		dst = append(dst, b^maskingKey[i%4])
	}
	return dst
}

// Payload returns n bytes of ASCII, valid as text and as binary, that differ
// between seeds from the first byte on (up to 95 of them).
func Payload(n, seed int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(' ' + (seed+i*7)%95)
	}
	return p
}

// Cyrillic returns n bytes of Russian words, nearly all of it characters of two bytes, that
// differ between seeds.
func Cyrillic(n, seed int) []byte {
	words := [...]string{"сообщение", "сервер", "соединение", "быстро", "кадр", "текст", "ответ", "и", "на", "проверка", "время", "очередь"}
	r := rand.New(rand.NewPCG(uint64(seed), 2))
	p := make([]byte, 0, n)
	for {
		word := words[r.IntN(len(words))]
		if len(p)+len(word)+1 > n {
			break
		}
		p = append(append(p, word...), ' ')
	}
	return append(p, Payload(n-len(p), seed)...)
}

// Prose returns n bytes of ASCII that compress about as what programs send does: the
// records of a feed as JSON, with numbers and words that differ between seeds.
func Prose(n, seed int) []byte {
	words := [...]string{"price", "volume", "open", "closed", "Berlin", "Osaka", "Recife", "is", "the", "now", "over", "under", "with", "alert", "user", "joined"}
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	p := fmt.Appendf(make([]byte, 0, n+200), "[%d", seed)
	for len(p) < n {
		p = fmt.Appendf(p, `,{"id":%d,"at":17000%08d,"topic":%q,"value":%d.%02d,"text":"%s %s %s"}`, r.IntN(1e6), r.IntN(1e8), words[r.IntN(16)],
			r.IntN(1000), r.IntN(100), words[r.IntN(16)], words[r.IntN(16)], words[r.IntN(16)])
	}
	return p[:n]
}

// ReadFrame reads one frame of at most 1 MiB from a server.
func ReadFrame(r io.Reader) (final bool, opcode byte, payload []byte, err error) {
	header := make([]byte, 10)
	if _, err := io.ReadFull(r, header[:2]); err != nil {
		return false, 0, nil, err
	}
	length := uint64(header[1])
	switch length {
	case 126:
		_, err = io.ReadFull(r, header[2:4])
		length = uint64(binary.BigEndian.Uint16(header[2:]))
	case 127:
		_, err = io.ReadFull(r, header[2:10])
		length = binary.BigEndian.Uint64(header[2:])
	}
	if err != nil {
		return false, 0, nil, err
	}
	if length > 1<<20 {
		return false, 0, nil, fmt.Errorf("a frame of %d bytes, or a masked one", length)
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(r, payload)
	return header[0]&fin != 0, header[0] &^ fin, payload, err
}
