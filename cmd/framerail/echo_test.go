package main

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestEchoReturnsTypeAndPayload(t *testing.T) {
	for _, flags := range [][]string{{}, {"--goroutines"}, {"--stream"}, {"--loops=2"}} {
		t.Run(fmt.Sprint(flags), func(t *testing.T) {
			p := start(t, append([]string{"echo", "--addr=127.0.0.1:0"}, flags...)...)
			c := dial(t, p.url)
			c.SetReadLimit(-1)

			for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
				for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20} {
					payload := bytes.Repeat([]byte("0123456789abcdef-"), size/17+1)[:size]
					if err := c.Write(within(t), typ, payload); err != nil {
						t.Fatalf("%v of %d bytes: %v", typ, size, err)
					}
					gotType, got, err := c.Read(within(t))
					if err != nil {
						t.Fatalf("%v of %d bytes: %v", typ, size, err)
					}
					if gotType != typ || !bytes.Equal(got, payload) {
						t.Fatalf("%v of %d bytes came back as %v of %d bytes, or altered", typ, size, gotType, len(got))
					}
				}
			}
			c.Close(websocket.StatusNormalClosure, "")
			p.stop(t)
		})
	}
}

// What was agreed on tells that the flags reached the server, and the echo that it works.
func TestEchoCompresses(t *testing.T) {
	alone := "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, tc := range []struct {
		flags  []string
		agreed string
	}{
		{nil, ""},
		{[]string{"--deflate=alone"}, alone},
		{[]string{"--deflate=alone", "--window-bits=9"}, alone + "; server_max_window_bits=9"},
		{[]string{"--deflate=takeover"}, "permessage-deflate"},
		{[]string{"--deflate=takeover", "--stream"}, "permessage-deflate"},
		{[]string{"--deflate=takeover", "--goroutines"}, "permessage-deflate"},
	} {
		t.Run(fmt.Sprint(tc.flags), func(t *testing.T) {
			p := start(t, append([]string{"echo", "--addr=127.0.0.1:0"}, tc.flags...)...)
			c, answer, err := websocket.Dial(within(t), p.url, &websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			c.SetReadLimit(-1)
			if got := answer.Header.Get("Sec-WebSocket-Extensions"); got != tc.agreed {
				t.Errorf("agreed on %q, want %q", got, tc.agreed)
			}
			for _, size := range []int{1, 20, 1000, 1000, 100_000, 1 << 20} {
				payload := bytes.Repeat([]byte("0123456789abcdef-"), size/17+1)[:size]
				if err := c.Write(within(t), websocket.MessageText, payload); err != nil {
					t.Fatalf("%d bytes: %v", size, err)
				}
				if typ, got, err := c.Read(within(t)); err != nil || typ != websocket.MessageText || !bytes.Equal(got, payload) {
					t.Fatalf("%d bytes came back as %v of %d bytes, or altered: %v", size, typ, len(got), err)
				}
			}
			c.Close(websocket.StatusNormalClosure, "")
			p.stop(t)
		})
	}
}

// A client that sends much more than may be pending before it reads: it is not
// read from meanwhile, and loses nothing.
func TestEchoWaitsForClientThatReadsLate(t *testing.T) {
	const count, size = 64, 1 << 20
	for _, flags := range [][]string{{}, {"--goroutines"}, {"--stream"}} {
		t.Run(fmt.Sprint(flags), func(t *testing.T) {
			p := start(t, append([]string{"echo", "--addr=127.0.0.1:0", "--max-message=1MiB"}, flags...)...)
			c := dial(t, p.url)
			c.SetReadLimit(-1)

			ctx, sent := within(t), make(chan error, 1)
			go func() {
				for i := range count {
					if err := c.Write(ctx, websocket.MessageBinary, bytes.Repeat([]byte{byte(i)}, size)); err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()

			select {
			case err := <-sent:
				t.Fatalf("%d MiB were taken before one was read, or: %v", count, err)
			case <-time.After(time.Second):
			}
			for i := range count {
				_, got, err := c.Read(ctx)
				if err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
				if !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, size)) {
					t.Fatalf("message %d came back altered", i)
				}
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestEchoRefusesOverMaxMessage(t *testing.T) {
	p := start(t, "echo", "--addr=127.0.0.1:0", "--max-message=4KiB")
	c := dial(t, p.url)

	if err := c.Write(within(t), websocket.MessageBinary, make([]byte, 4<<10)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(within(t)); err != nil {
		t.Fatalf("a message of the limit: %v", err)
	}
	if err := c.Write(within(t), websocket.MessageBinary, make([]byte, 4<<10+1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(within(t)); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a message over the limit: %v, want close code 1009", err)
	}
}

// Clients that offer subprotocols give up without one (RFC 6455 4.1), as browsers do.
func TestEchoAgreesOnSubprotocols(t *testing.T) {
	for _, tc := range []struct {
		flags, offered []string
		agreed         string
	}{
		{nil, nil, ""},
		{nil, []string{"mqtt", "chat"}, "mqtt"},
		{[]string{"--subprotocol=chat"}, []string{"mqtt", "chat"}, "chat"},
		{[]string{"--subprotocol=chat", "--subprotocol=mqtt"}, []string{"mqtt", "chat"}, "chat"},
		{[]string{"--subprotocol=chat"}, []string{"mqtt"}, ""},
	} {
		t.Run(fmt.Sprint(tc.flags, tc.offered), func(t *testing.T) {
			p := start(t, append([]string{"echo", "--addr=127.0.0.1:0"}, tc.flags...)...)
			c, _, err := websocket.Dial(within(t), p.url, &websocket.DialOptions{Subprotocols: tc.offered})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			if got := c.Subprotocol(); got != tc.agreed {
				t.Errorf("agreed on %q, want %q", got, tc.agreed)
			}
			p.stop(t)
		})
	}
}
