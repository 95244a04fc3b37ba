package client

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// nameServer answers each question for an address: ::1 for version 6, 127.0.0.1 for version 4 (RFC 1035 4.1).
func nameServer(t *testing.T, six *atomic.Int64) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := answerTo(b[:n], six); answer != nil {
				_, _ = pc.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func answerTo(question []byte, six *atomic.Int64) []byte {
	const head, a, aaaa = 12, 1, 28
	end := head
	for end < len(question) && question[end] != 0 {
		end += 1 + int(question[end])
	}
	end += 1 + 4 // the root, the type, the class
	if len(question) < end {
		return nil
	}
	var address net.IP
	switch binary.BigEndian.Uint16(question[end-4:]) {
	case a:
		address = net.IPv4(127, 0, 0, 1).To4()
	case aaaa:
		six.Add(1)
		address = net.IPv6loopback
	}
	b := append([]byte(nil), question[:end]...)
	copy(b[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer to one question
	if address != nil {
		b[7] = 1
		b = append(b, 0xc0, head) // the name that was asked for
		b = append(b, question[end-4:end]...)
		b = append(b, 0, 0, 0, 60, 0, byte(len(address)))
		b = append(b, address...)
	}
	return b
}

// A name has two addresses, and nobody listens at one of them (RFC 8305).
func TestDial_TheAddressThatAnswers(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		url := start(t, new(server.Server), false)
		var six atomic.Int64
		in := newInbox()
		c := in.in(&Client{DialContext: (&net.Dialer{Resolver: nameServer(t, &six)}).DialContext})
		nc := mustDial(t, closed(t, c), strings.Replace(url, "127.0.0.1", "two.example", 1))
		checkEcho(t, nc, in)
		if six.Load() == 0 {
			t.Error("nobody has asked for the other address")
		}
	})
}

// The server learns the name that was dialled (RFC 6066 3).
func TestTLS_ServerName(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		names := make(chan string, 1)
		url := start(t, &server.Server{OnConnection: func(c *conn.Conn) { names <- c.TLS().ServerName }}, true)
		addr := strings.TrimPrefix(url, "wss://")
		in := newInbox()
		c := in.in(&Client{TLSConfig: trust(t), DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		}})
		nc := mustDial(t, closed(t, c), "wss://localhost/")
		checkEcho(t, nc, in)
		if got := <-names; got != "localhost" {
			t.Errorf("the server has learned %q", got)
		}
	})
}
