//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// A server behind HAProxy with send-proxy-v2, or another that speaks the PROXY protocol, on
// the same machine.
func ExampleProxies() {
	seen := make(chan string, 1)
	srv := &server.Server{Addr: "127.0.0.1:0"}
	srv.Proxies.Protocol.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	srv.OnConnection = func(c *conn.Conn) {
		seen <- fmt.Sprint(c.RemoteAddr(), " by way of ", c.PeerAddr().Addr())
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	proxy := beProxy(srv.ListenAddr())
	defer proxy.Close()
	fmt.Println(<-seen)
	// Output: 192.0.2.1:56789 by way of 127.0.0.1
}

// The same for a server whose connections come from handlers of net/http's.
func ExampleProxyListener() {
	seen := make(chan string, 1)
	srv := new(server.Server)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = srv.Upgrade(w, r, func(c *conn.Conn) {
			seen <- fmt.Sprint(r.RemoteAddr, " by way of ", c.PeerAddr().Addr())
		})
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ln, err = server.ProxyListener(ln, server.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if err != nil {
		log.Fatal(err)
	}
	httpServer := &http.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- httpServer.Serve(ln) }()

	proxy := beProxy(ln.Addr())
	defer proxy.Close()
	fmt.Println(<-seen)
	_ = httpServer.Close()
	<-served
	_ = srv.Close()
	// Output: 192.0.2.1:56789 by way of 127.0.0.1
}

// beProxy is what a proxy does for a client.
func beProxy(addr net.Addr) net.Conn {
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		log.Fatal(err)
	}
	_, _ = io.WriteString(c, "PROXY TCP4 192.0.2.1 198.51.100.2 56789 443\r\n") // version 1
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	return c
}
