package client

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// BenchmarkDial is a dial and a close, directly and by net/http's Transport. One by net/http alone is beside them: a
// request with Upgrade whose connection is cut. Its two ends share the process.
func BenchmarkDial(b *testing.B) {
	if err := (platform.Real{}).Supported(); err != nil {
		b.Skip(err)
	}
	srv := &server.Server{Addr: "127.0.0.1:0", Loops: 1, Logger: quiet, Limits: server.Limits{MaxConnections: -1, HandshakesPerSecond: -1}}
	if err := srv.Start(); err != nil {
		b.Fatal(err)
	}
	defer srv.Close()
	secure := &server.Server{Addr: "127.0.0.1:0", Loops: 1, Logger: quiet, Limits: srv.Limits, TLSConfig: testcert.Config().Clone()}
	if err := secure.StartTLS("", ""); err != nil {
		b.Fatal(err)
	}
	defer secure.Close()
	c := &Client{Logger: quiet, TLSConfig: testcert.Trusting()}
	defer c.Close()
	byTransport := &Client{Logger: quiet, TLSConfig: testcert.Trusting(), Transport: new(http.Transport)}
	defer byTransport.Close()
	plainURL, secureURL := "ws://"+srv.ListenAddr().String(), "wss://"+secure.ListenAddr().String()
	for _, way := range []struct {
		name string
		c    *Client
		url  string
	}{{"plain", c, plainURL}, {"plain by Transport", byTransport, plainURL}, {"TLS", c, secureURL}, {"TLS by Transport", byTransport, secureURL}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				nc, err := way.c.Dial(context.Background(), way.url)
				if err != nil {
					b.Fatal(err)
				}
				_ = nc.Close(1000, "")
			}
		})
	}
	b.Run("net/http", func(b *testing.B) {
		t := &http.Transport{DisableKeepAlives: true, DialContext: new(net.Dialer).DialContext}
		b.ReportAllocs()
		for b.Loop() {
			r, _ := http.NewRequest("GET", "http://"+srv.ListenAddr().String(), nil)
			r.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
			resp, err := t.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			_ = resp.Body.Close()
		}
	})
}

// BenchmarkEcho is a message there and back, both ends in one process.
func BenchmarkEcho(b *testing.B) {
	if err := (platform.Real{}).Supported(); err != nil {
		b.Skip(err)
	}
	srv := &server.Server{Addr: "127.0.0.1:0", Loops: 1, Logger: quiet, OnMessage: echo}
	if err := srv.Start(); err != nil {
		b.Fatal(err)
	}
	defer srv.Close()
	back := make(chan struct{}, 1)
	c := &Client{Logger: quiet, OnMessage: func(*conn.Conn, conn.Message) { back <- struct{}{} }}
	defer c.Close()
	nc, err := c.Dial(context.Background(), "ws://"+srv.ListenAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 20)
	b.SetBytes(20)
	b.ReportAllocs()
	for b.Loop() {
		_ = nc.Send(conn.Binary, payload)
		<-back
	}
}
