package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/platform"
)

// FuzzDial gives a dial any bytes for an answer, and frames behind it. ACCEPT in them stands for the right
// Sec-WebSocket-Accept. The dial ends, with a connection or an error, and a connection ends with the bytes. What
// is accepted, net/http reads as a 101 that keeps the rules.
func FuzzDial(f *testing.F) {
	if err := (platform.Real{}).Supported(); err != nil {
		f.Skip(err)
	}
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n"
	for _, input := range []string{
		answer + "\r\n", answer + "\r\n\x81\x02hi\x88\x02\x03\xe8", answer + "\r\n\x81\x82", answer + "Sec-WebSocket-Protocol: chat\r\n\r\n",
		answer + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", answer,
		"HTTP/1.1 103 Early Hints\r\n\r\n" + answer + "\r\n", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nhello", "\r\n\r\n", "",
	} {
		f.Add([]byte(input))
	}
	answers := make(chan []byte, 1)
	ended := make(chan struct{}, 1)
	c := &Client{
		Logger: quiet, Subprotocols: []string{"chat"}, Deflate: Deflate{Enabled: true, ServerTakeover: true}, MaxRedirects: 1,
		Limits: Limits{Limits: conn.Limits{CloseTimeout: 100 * time.Millisecond}, HandshakeTimeout: patience},
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			select {
			case input := <-answers:
				go serveOnce(far, input)
			default: // a redirect's
				_ = far.Close()
			}
			return near, nil
		},
		OnMessage: func(*conn.Conn, conn.Message) {},
		OnClose:   func(*conn.Conn, conn.CloseInfo) { ended <- struct{}{} },
	}
	f.Cleanup(func() { _ = c.Close() })
	f.Fuzz(func(t *testing.T, input []byte) {
		answers <- input
		nc, err := c.Dial(context.Background(), "ws://server.example/")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "framerail: ") || errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			return
		}
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("the connection does not end")
		}
		request, _ := nc.Request()
		if request != nil {
			t.Error("the request is kept, and nobody has asked for it")
		}
		if !bytes.Contains(input, []byte("101")) || !bytes.Contains(input, []byte("ACCEPT")) {
			t.Errorf("%q is accepted", input)
		}
	})
}

// serveOnce reads a request, answers with some bytes, and ends.
func serveOnce(nc net.Conn, input []byte) {
	defer nc.Close()
	in := bufio.NewReader(nc)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	accept := handshake.Accept(r.Header.Get("Sec-Websocket-Key"))
	go func() { _, _ = in.WriteTo(discard{}) }() // or the client could not write
	_, _ = nc.Write(bytes.ReplaceAll(input, []byte("ACCEPT"), []byte(accept)))
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
