package server

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
)

func TestTLS_EchoOnTheLoop(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		modes(t, func(t *testing.T, d conn.Dispatch) {
			s := startTLS(t, &Server{OnMessage: echo, Dispatch: d})
			config := trusting()
			config.MinVersion, config.MaxVersion = version, version
			p := secured(t, s, config)
			p.handshake()
			for _, n := range []int{0, 1, 125, 1000, 1024, 4096, 16 << 10, 16<<10 + 1, 60 << 10, 65536, 200 << 10, 256 << 10} {
				text := strings.Repeat("x", n)
				p.text(text)
				p.expectText(text)
			}
			p.close(1000, "")
			p.expectClose(1000)
			p.expectEOF()
		})
	})
}

func TestTLS_StateIsVisibleToCheckAndConnection(t *testing.T) {
	states := make(chan *tls.ConnectionState, 3)
	s := startTLS(t, &Server{
		Check: func(h *Handshake) error { states <- h.Request.TLS; return nil },
		OnConnection: func(c *conn.Conn) {
			r, _ := c.Request()
			states <- r.TLS
			states <- c.TLS()
		},
	})
	dialTLS(t, s)
	for range 3 {
		if st := receive(t, states); st == nil || !st.HandshakeComplete || st.ServerName != "example.com" || st.NegotiatedProtocol != "" {
			t.Errorf("got %+v", st)
		}
	}

	plain := start(t, &Server{OnConnection: func(c *conn.Conn) { states <- c.TLS() }})
	dial(t, plain)
	if st := receive(t, states); st != nil {
		t.Errorf("a plain connection has %+v", st)
	}
}
