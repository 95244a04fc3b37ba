package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/server"
)

// serveFrames accepts each handshake by hand, with more fields if need be, and then has f speak frames.
func serveFrames(t *testing.T, fields string, f func(nc net.Conn, r *bufio.Reader)) (url string) {
	t.Helper()
	return serveRaw(t, func(nc net.Conn, r *http.Request) {
		_, _ = fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
			handshake.Accept(r.Header.Get("Sec-Websocket-Key")), fields)
		f(nc, bufio.NewReader(nc))
	})
}

// A client answers a text of the server's without the program, too.
func TestClient_AutoAnswer(t *testing.T) {
	answers := make(chan string, 2)
	url := start(t, &server.Server{
		OnConnection: func(c *conn.Conn) { _ = c.SendText("ping") },
		OnMessage:    func(_ *conn.Conn, m conn.Message) { answers <- m.String() },
	}, false)
	in := newInbox()
	c := closed(t, in.in(&Client{AutoAnswer: conn.AutoAnswer{Request: "ping", Answer: "pong"}}))
	nc := mustDial(t, c, url)
	if got := next(t, answers, "the answer"); got != "pong" {
		t.Error(got)
	}
	_ = nc.Close(frame.NormalClosure, "")
	in.ends(t)
	if n := len(in.messages); n != 0 {
		t.Errorf("%d messages came to the program", n)
	}
	for _, wrong := range []conn.AutoAnswer{{Request: "ping", Answer: "\xff"}, {Answer: "pong"}} {
		if _, err := closed(t, &Client{AutoAnswer: wrong}).Dial(soon(t), url); !errors.As(err, new(requestError)) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// readFrame reads a whole frame, which must be masked.
func readFrame(r *bufio.Reader) (h frame.Header, payload []byte, err error) {
	var head []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return h, nil, err
		}
		head = append(head, b)
		var n int
		if h, n, err = frame.DecodeHeader(head); err != nil {
			return h, nil, err
		}
		if n > 0 {
			break
		}
	}
	if !h.Masked {
		return h, nil, errors.New("a frame is not masked")
	}
	masked := make([]byte, h.PayloadLen)
	if _, err = io.ReadFull(r, masked); err != nil {
		return h, nil, err
	}
	key := h.MaskingKey.Bytes()
	for i := range masked {
		masked[i] ^= key[i%4]
	}
	return h, masked, nil
}

// Every frame is masked, each with another key, control frames too (RFC 6455 5.3), and the program's
// payload stays as it is.
func TestConnection_MasksEachFrame(t *testing.T) {
	keys := make(chan [4]byte, 100)
	url := serveFrames(t, "", func(nc net.Conn, r *bufio.Reader) {
		for range 5 {
			h, payload, err := readFrame(r)
			if err != nil || h.Opcode != frame.Close && string(payload) != "payload" {
				t.Errorf("%+v, %q, %v", h, payload, err)
				break
			}
			keys <- h.MaskingKey.Bytes()
		}
		close(keys)
		_, _ = nc.Write([]byte("\x88\x02\x03\xe8"))
	})
	in := newInbox()
	c := mustDial(t, closed(t, in.in(new(Client))), url)
	payload := []byte("payload")
	_ = c.Send(conn.Binary, payload)
	_ = c.Ping(payload)
	_ = c.Pong(payload)
	w, err := c.NewWriter(conn.Text)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(payload)
	_ = w.Close()
	_ = c.Close(1000, "")
	if string(payload) != "payload" {
		t.Errorf("the program's payload is %q", payload)
	}
	seen := map[[4]byte]bool{}
	for key := range keys {
		if seen[key] || key == [4]byte{} {
			t.Errorf("key % x", key)
		}
		seen[key] = true
	}
	if i := in.ends(t); !i.Clean() {
		t.Error(i)
	}
}

// What a server must not send fails the connection, with the right code.
func TestConnection_ServersFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		bytes string
		code  frame.CloseCode
	}{
		"masked frame":    {"\x81\x81\x00\x00\x00\x00x", frame.ProtocolError},
		"reserved bit":    {"\xc1\x01x", frame.ProtocolError},
		"reserved opcode": {"\x83\x01x", frame.ProtocolError},
		"long control":    {"\x89\x7e\x00\x7e" + strings.Repeat("x", 126), frame.ProtocolError},
		"not UTF-8":       {"\x81\x01\xff", frame.InvalidFramePayloadData},
		"too large":       {"\x82\x7f\x00\x00\x00\x00\x40\x00\x00\x00", frame.MessageTooBig},
		"close code":      {"\x88\x02\x03\xed", frame.ProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			codes := make(chan frame.CloseCode, 1)
			url := serveFrames(t, "", func(nc net.Conn, r *bufio.Reader) {
				_, _ = io.WriteString(nc, tc.bytes)
				if h, payload, err := readFrame(r); err == nil && h.Opcode == frame.Close && len(payload) >= 2 {
					codes <- frame.CloseCode(payload[0])<<8 | frame.CloseCode(payload[1])
				}
				close(codes)
			})
			in := newInbox()
			mustDial(t, closed(t, in.in(new(Client))), url)
			if got := <-codes; got != tc.code {
				t.Errorf("close code %v, want %v", got, tc.code)
			}
			if i := in.ends(t); i.Sent != tc.code || i.Err == nil {
				t.Error(i)
			}
		})
	}
}

// A server's end without a Close frame, and its reset, are told apart from a clean end.
func TestConnection_BreaksOff(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			srv := new(server.Server)
			url := start(t, srv, secure)
			in := newInbox()
			mustDial(t, closed(t, in.in(&Client{TLSConfig: trust(t)})), url)
			_ = srv.Close()
			if i := in.ends(t); i.Clean() || i.Received != frame.AbnormalClosure || i.By != conn.Nobody {
				t.Error(i)
			}
		})
	}
}

// A silent server gets a ping, and is closed if it does not answer.
func TestConnection_Heartbeat(t *testing.T) {
	pinged := make(chan struct{})
	url := serveFrames(t, "", func(_ net.Conn, r *bufio.Reader) {
		if h, _, err := readFrame(r); err != nil || h.Opcode != frame.Ping {
			t.Errorf("%+v, %v", h, err)
		}
		close(pinged)
	})
	in := newInbox()
	mustDial(t, closed(t, in.in(&Client{Limits: Limits{Limits: conn.Limits{IdleTimeout: time.Second, CloseTimeout: 50 * time.Millisecond}}})), url)
	<-pinged
	if i := in.ends(t); !errors.Is(i.Err, conn.ErrIdle) || i.Sent != frame.GoingAway {
		t.Error(i)
	}
}

// A server that does not read is bounded by MaxPending, and cut after WriteTimeout.
func TestConnection_ServerDoesNotRead(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	url := serveFrames(t, "", func(net.Conn, *bufio.Reader) { <-hold })
	in := newInbox()
	c := mustDial(t, closed(t, in.in(&Client{
		Overflow: conn.OverflowRefuse,
		Limits:   Limits{Limits: conn.Limits{MaxPending: 64 << 10, WriteTimeout: 200 * time.Millisecond}},
	})), url)
	for { // the system takes some megabytes
		err := c.Send(conn.Binary, make([]byte, 10_000))
		if c.Pending() > 64<<10 {
			t.Fatalf("%d pending", c.Pending())
		}
		if errors.Is(err, conn.ErrClosed) {
			break
		}
		if err != nil && !errors.Is(err, conn.ErrPendingFull) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Microsecond)
	}
	if i := in.ends(t); !errors.Is(i.Err, conn.ErrWriteStalled) {
		t.Error(i)
	}
}

// Messages are compressed in both directions, each with the ones before it as its dictionary.
func TestConnection_DeflateWithTakeover(t *testing.T) {
	for name, d := range map[string]Deflate{
		"alone":         {Enabled: true},
		"both":          {Enabled: true, ServerTakeover: true, ClientTakeover: true},
		"small windows": {Enabled: true, ServerTakeover: true, ClientTakeover: true, ServerWindowBits: 9, ClientWindowBits: 10},
	} {
		t.Run(name, func(t *testing.T) {
			url := start(t, &server.Server{Deflate: server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}}, false)
			in := newInbox()
			c := mustDial(t, closed(t, in.in(&Client{Deflate: d})), url)
			agreed, ok := c.Deflate()
			want := deflate.Params{
				ServerNoContextTakeover: !d.ServerTakeover, ClientNoContextTakeover: !d.ClientTakeover,
				ServerMaxWindowBits: max(d.ServerWindowBits, 0), ClientMaxWindowBits: max(d.ClientWindowBits, 0),
			}
			for _, bits := range []*int{&want.ServerMaxWindowBits, &want.ClientMaxWindowBits} {
				if *bits == 0 {
					*bits = deflate.MaxWindowBits
				}
			}
			if !ok || agreed != want {
				t.Errorf("agreed on %+v, want %+v", agreed, want)
			}
			text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20)
			for i := range 50 {
				text := fmt.Sprint(i, text)
				_ = c.SendText(text)
				in.expect(t, text)
			}
			checkEcho(t, c, in)
		})
	}
}

// A server that declines compression gets plain messages.
func TestConnection_DeflateDeclined(t *testing.T) {
	url := start(t, new(server.Server), false)
	in := newInbox()
	c := mustDial(t, closed(t, in.in(&Client{Deflate: Deflate{Enabled: true, ServerTakeover: true}})), url)
	if _, ok := c.Deflate(); ok {
		t.Error("it was accepted")
	}
	checkEcho(t, c, in)
}

// A message is read while it arrives, and sent while it is made.
func TestConnection_Streams(t *testing.T) {
	url := start(t, &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: 8 << 20, MaxPending: 16 << 20}}}, false)
	got := make(chan string, 1)
	c := closed(t, &Client{Limits: Limits{Limits: conn.Limits{MaxMessageSize: 8 << 20}}})
	c.OnStream = func(_ *conn.Conn, r *conn.Reader) {
		n, err := io.Copy(io.Discard, r)
		got <- fmt.Sprint(r.Type(), n, err)
	}
	nc := mustDial(t, c, url)
	w, err := nc.NewWriter(conn.Binary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ReadFrom(bytes.NewReader(make([]byte, 5<<20))); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	select {
	case s := <-got:
		if s != "binary 5242880 <nil>" {
			t.Error(s)
		}
	case <-time.After(patience):
		t.Fatal("no message")
	}
}

// Pings are answered, and callbacks see pings and pongs.
func TestConnection_PingPong(t *testing.T) {
	seen := make(chan string, 10)
	srv := &server.Server{
		OnConnection: func(c *conn.Conn) { _ = c.Ping([]byte("1")) },
		OnPong:       func(_ *conn.Conn, p []byte) { seen <- "server pong " + string(p) },
	}
	url := start(t, srv, false)
	c := closed(t, &Client{OnPong: func(_ *conn.Conn, p []byte) { seen <- "client pong " + string(p) }})
	nc := mustDial(t, c, url)
	if got := <-seen; got != "server pong 1" {
		t.Error(got)
	}
	_ = nc.Ping([]byte("2"))
	if got := <-seen; got != "client pong 2" {
		t.Error(got)
	}
}

// Close codes and reasons go both ways.
func TestConnection_CloseCodes(t *testing.T) {
	ends := make(chan conn.CloseInfo, 1)
	srv := &server.Server{
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.Close(4321, m.String()) },
		OnClose:   func(_ *conn.Conn, i conn.CloseInfo) { ends <- i },
	}
	url := start(t, srv, false)
	in := newInbox()
	client := closed(t, in.in(new(Client)))
	_ = mustDial(t, client, url).SendText("server")
	if i := in.ends(t); i.By != conn.Peer || i.Received != 4321 || i.Reason != "server" || !i.Clean() {
		t.Error(i)
	}
	<-ends
	_ = mustDial(t, client, url).Close(4001, "client")
	if i := <-ends; i.By != conn.Peer || i.Received != 4001 || i.Reason != "client" || !i.Clean() {
		t.Error(i)
	}
}
