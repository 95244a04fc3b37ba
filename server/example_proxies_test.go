//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server_test

import (
	"fmt"
	"io"
	"log"
	"net"
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

	proxy, err := net.Dial("tcp", srv.ListenAddr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer proxy.Close()
	_, _ = io.WriteString(proxy, "PROXY TCP4 192.0.2.1 198.51.100.2 56789 443\r\n") // version 1
	_, _ = io.WriteString(proxy, "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	fmt.Println(<-seen)
	// Output: 192.0.2.1:56789 by way of 127.0.0.1
}
