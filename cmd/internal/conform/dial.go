package conform

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
)

// dialer connects to servers.
type dialer struct {
	tls *tls.Config // for wss://; nil is Go's default
}

// dial connects to the server that u names, with TLS if it is a wss:// URL.
func (d *dialer) dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	address := net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "ws" {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	config := new(tls.Config)
	if d.tls != nil {
		config = d.tls.Clone()
	}
	config.NextProtos = []string{"http/1.1"} // RFC 6455 is for no other
	return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
}

// request is an opening handshake to send.
type request struct {
	start string
	lines []string // header lines
	key   string
}

// newRequest returns a handshake as RFC 6455 4.1 asks for.
func newRequest(u *url.URL, o opening) *request {
	nonce := make([]byte, 16)
	for i := range nonce {
		nonce[i] = byte(rand.Uint32()) // it proves that the answer is to this request
	}
	r := &request{
		start: fmt.Sprintf("GET %s HTTP/1.1", u.RequestURI()),
		key:   base64.StdEncoding.EncodeToString(nonce),
	}
	r.lines = []string{
		"Host: " + u.Host,
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: " + r.key,
		"Sec-WebSocket-Version: 13",
		"User-Agent: framerail-conform",
	}
	for _, e := range o.extensions {
		r.lines = append(r.lines, "Sec-WebSocket-Extensions: "+e)
	}
	if len(o.protocols) > 0 {
		r.lines = append(r.lines, "Sec-WebSocket-Protocol: "+strings.Join(o.protocols, ", "))
	}
	return r
}

// String is the request as it is sent.
func (r *request) String() string {
	return r.start + "\r\n" + strings.Join(r.lines, "\r\n") + "\r\n\r\n"
}
