package interop

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// patience bounds everything a client waits for.
const patience = 4 * time.Minute

// client is a WebSocket client library.
type client struct {
	name string
	dial func(url string) (session, error)
	// echoesClose tells whether the library waits for the server's Close.
	echoesClose bool
}

var clients = []client{
	{"gorilla", dialGorilla, true},
	{"coder", dialCoder, true},
	{"gws", dialGWS, false},
	{"gobwas", dialGobwas, true},
}

// session is one connection of a client library. send and receive may run at
// the same time.
type session interface {
	// send sends one message, in one frame if the library can.
	send(opcode byte, payload []byte) error
	// sendFragments sends one message in several frames.
	sendFragments(opcode byte, payload []byte) error
	// receive waits for the next message, and answers pings meanwhile.
	receive() (opcode byte, payload []byte, err error)
	// ping sends a ping; pong is closed or filled once its answer has been seen by
	// receive.
	ping(payload string) (pong <-chan string, err error)
	// close begins the closing handshake and finishes it if the library does.
	close(code int, reason string) error
	// closed returns what the server's Close frame said, after receive or close
	// have seen it.
	closed() (code int, reason string)
	// cut drops the connection.
	cut()
}

// eachClient runs a test over every client and mode, and over TLS.
func eachClient(t *testing.T, f func(t *testing.T, c client, m mode)) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			eachAndTLS(t, func(t *testing.T, m mode) { f(t, c, m) })
		})
	}
}

func dial(t *testing.T, c client, url string) session {
	t.Helper()
	s, err := c.dial(url)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(s.cut)
	return s
}

// exchange sends a message with send and waits for its echo meanwhile.
func exchange(s session, send func(byte, []byte) error, opcode byte, payload []byte) error {
	sent := make(chan error, 1)
	go func() { sent <- send(opcode, payload) }()
	if err := expect(s, opcode, payload); err != nil {
		return err
	}
	return <-sent
}

// expect waits for one message.
func expect(s session, opcode byte, payload []byte) error {
	gotOpcode, got, err := s.receive()
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if gotOpcode != opcode {
		return fmt.Errorf("opcode %d, want %d", gotOpcode, opcode)
	}
	if !bytes.Equal(got, payload) {
		return fmt.Errorf("%d bytes that differ from the %d sent", len(got), len(payload))
	}
	return nil
}

// text makes n bytes of UTF-8 with sequences of every length, so that reads and
// fragments cut through them.
func text(n int) []byte {
	const sample = "a\u00e9\u6f22\U0001f600z"
	p := bytes.Repeat([]byte(sample), n/len(sample))
	return append(p, bytes.Repeat([]byte("."), n-len(p))...)
}

// noise makes n bytes without a pattern, the same each time.
func noise(n int) []byte {
	p := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(p) // never fails
	return p
}
